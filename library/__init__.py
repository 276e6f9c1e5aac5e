import util.threads  # noqa: F401  before anything loads torch
