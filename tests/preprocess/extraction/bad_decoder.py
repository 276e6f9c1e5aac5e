"""A decoder with bad files, in a module of its own: worker processes import it, without torch."""

import os
import signal
import time

from preprocess.extraction.decode_task import Decoded, DecodeSettings, DecodeTask, decode


def decode_badly(settings: DecodeSettings, task: DecodeTask) -> Decoded:
    if task.video == "bad":
        os.kill(os.getpid(), signal.SIGSEGV)
    if task.video == "slow":
        time.sleep(99)
    return decode(settings, task)
