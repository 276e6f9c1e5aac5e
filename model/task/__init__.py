"""One module per task: model, loss and predictions in one thing that can be trained."""
