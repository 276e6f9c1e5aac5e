import util.threads  # noqa: F401  before anything loads torch

from options.command.renamed import answer_old_name

answer_old_name()
