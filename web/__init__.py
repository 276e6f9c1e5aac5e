"""The page: a server that takes one's own video, and answers questions about it."""

import util.threads  # noqa: F401  before anything loads torch
