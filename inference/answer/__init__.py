"""Questions of one video, of many, or of a live source, answered by a trained run."""
