"""Files and folders beside a store: its parts while it grows, and the list of failed videos."""

from pathlib import Path


def parts_folder(output: Path) -> Path:
    """Where the parts of a store are, until they are merged (`preprocess.extraction.shards`)."""
    return output.with_name(output.name + ".parts")


def failed_videos_file(output: Path) -> Path:
    """Where the videos that could not be read are listed (`preprocess.extraction.failures`)."""
    return output.with_name(output.name + ".quarantine.json")
