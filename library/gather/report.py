"""What one look at a folder came to."""

from dataclasses import dataclass, field


@dataclass
class Report:
    """What one look at the folder came to."""

    new: int = 0
    copies: int = 0
    renamed: int = 0
    changed: int = 0
    gone: int = 0
    told: int = 0  # videos that captions or actions were told of
    pictured: int = 0  # files that were given thumbnails afterwards
    unreachable: int = 0  # files that lack them, and are not there as they were
    failed: dict[str, str] = field(default_factory=dict)  # {path: why}, now
    known_failed: int = 0  # files that failed before, and are as they were
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        """Whether anything was done, or is new to people."""
        return bool(
            self.new + self.copies + self.renamed + self.changed + self.gone + self.told
            or self.pictured
            or self.failed
        )

    @property
    def again(self) -> bool:
        """Whether a file changed while it was indexed, so that it shall be tried again."""
        return any("again" in why for why in self.failed.values())

    @property
    def words(self) -> str:
        """What was done, for people."""
        counts = {
            "new": self.new, "copies of others": self.copies, "renamed": self.renamed,
            "changed": self.changed, "gone": self.gone, "told of anew": self.told,
            "given thumbnails": self.pictured,
            "without thumbnails, whose files cannot be reached": self.unreachable,
            "not readable": len(self.failed), "not readable before": self.known_failed,
        }  # fmt: skip
        parts = [f"{count} {what}" for what, count in counts.items() if count]
        if self.left_out:
            kinds = ", ".join(f"{count} {kind}" for kind, count in self.left_out.items())
            parts.append(f"{sum(self.left_out.values())} no videos by their names ({kinds})")
        return ", ".join(parts) or "nothing has changed"
