"""Learning rate as a function of the epoch."""


def halved(*, lr: float, epoch: float, every: float) -> float:
    """`lr` halved after each `every` epochs (0: never), as the released code does every 10."""
    return lr * 0.5 ** int(epoch / every) if every else lr
