"""A decoder with bad files, in a module of its own: worker processes import it, without torch."""

import os
import signal
import time

from preprocess.extraction.decode_task import Decoded, Job, decode


def decode_badly(job: Job) -> Decoded:
    if job.video == "bad":
        os.kill(os.getpid(), signal.SIGSEGV)
    if job.video == "slow":
        time.sleep(99)
    return decode(job)
