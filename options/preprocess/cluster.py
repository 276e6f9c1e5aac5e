"""Options of `python -m preprocess.cluster`, beside those of `preprocess.videos`."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """Where Ray runs, and how the machines are shared out.

    Of the other options, --workers caps the decoding tasks of all machines together (0: as many as
    there are cores left), and --threads are those of each network actor (0: 1 on a CPU, 2 on a
    GPU).

    Args:
        address: local starts a Ray on this machine for this run; auto joins the one that
            RAY_ADDRESS names or that runs here; else HOST:PORT of the head
        actors: processes that hold the networks, in all; 0 takes as many as fit the GPUs, or
            without any, three cores in four
        gpus_per_actor: share of a GPU for each; 0.5 puts two on one
        retries: how often the work is begun anew where Ray gave it up, as when machines are lost,
            with no video stored in between; -1 for always
    """

    address: str = "local"
    actors: int = 0
    gpus_per_actor: float = 1.0
    retries: int = 3

    def __post_init__(self) -> None:
        port = self.address.rpartition(":")[2]
        if self.address not in ("local", "auto") and not (port.isdigit() and port != self.address):
            raise ValueError(f"--address {self.address}: give local, auto or HOST:PORT")
        if self.actors < 0:
            raise ValueError(f"--actors {self.actors}: give at least 0")
        share = self.gpus_per_actor
        if not 0 < share <= 1:
            raise ValueError(
                f"--gpus_per_actor {share:g}: an actor computes on one GPU; give a share of it, at "
                "most 1"
            )
        if self.retries < -1:
            raise ValueError(f"--retries {self.retries}: give at least 0, or -1 for always")
