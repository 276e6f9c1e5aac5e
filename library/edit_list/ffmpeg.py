"""A filter script of FFmpeg's that renders the list, by the `ffmpeg` program alone:

    ffmpeg -/filter_complex cuts.txt -map "[out0]" -map "[out1]" cuts.mp4

(before FFmpeg 7 `-filter_complex_script cuts.txt`; [out1] is the sound, where there is some).
`-f lavfi -graph_file cuts.txt -i list` reads it as if it were a video, in ffplay too.

Not a list for the concat demuxer, which is not exact to the frame: of frames 100 to 110, 500 to 505
and 263 to 270 of a video whose keyframes are 250 apart, 22 in all, the program rendered 126 and
PyAV 142 (0 to 112, 8 of 500 to 510, and 6 or 22 of 250 to 272).
"""

from fractions import Fraction
from math import floor

from library.edit_list.cuts import EditList, Placed, Source
from library.edit_list.refuse import one_track, refusal
from library.edit_list.text import provenance, seconds

KIND = "ffmpeg"
MOST = 400  # cuts: each opens its file, with sound twice, and a process has some 1,000 files
SAMPLE_RATE = 48_000  # Hz, of sound where sources differ
# A reader lands on the keyframe before this time; frames shown between it and the cut are thrown
# away.  In a stream's order a keyframe may stand 16 frames before the place where it is shown.
MARGIN, MARGIN_FRAMES = Fraction(2), 20
_SPECIAL = frozenset("\\':[],;= \t\r\n")
_TURNS = {90: "transpose=cclock", 180: "hflip,vflip", 270: "transpose=clock"}


def text_of(edits: EditList) -> str:
    """The script.  Raises UserError for what it cannot express."""
    one_track(KIND, edits)
    placed = edits.placed()
    if len(placed) > MOST:
        raise refusal(
            KIND, placed[MOST], f"is one too many: this format takes {MOST}, each with a decoder",
            "export fewer hits at a time, or take --as mlt and render by melt",
        )  # fmt: skip
    rates = {source.rate.fps for source in edits.sources()}
    if len(rates) > 1:
        for one in placed:
            if one.cut.frames == 1:  # FFmpeg's concat filter gives such a part no length
                raise refusal(
                    KIND, one, "has a single frame in a list of several rates",
                    "give --handles, or export the hits of each rate apart",
                )  # fmt: skip
    sound = any(source.audio for source in edits.sources())
    lines = []
    for one in placed:
        lines.append(f"{','.join(_picture(one, edits))}[v{one.number}]")
        if sound:
            lines.append(f"{','.join(_sound(one))}[a{one.number}]")
    parts = "".join(f"[v{p.number}][a{p.number}]" if sound else f"[v{p.number}]" for p in placed)
    join = f"{parts}concat=n={len(placed)}:v=1:a={int(sound)}"
    if len(rates) > 1:
        lines.append(f"{join}[out0]{'[out1]' if sound else ''}")
    else:
        # The filter rounds to the microsecond; frames follow each other all the same.
        fps = edits.cuts[0].source.rate.fps
        lines.append(f"{join}[joined]{'[out1]' if sound else ''}")
        lines.append(f"[joined]settb=expr=1/({fps}),setpts=N,fps={fps}[out0]")
    return ";\n".join(lines) + "\n"


def _picture(placed: Placed, edits: EditList) -> list[str]:
    """Filters that give a cut's frames, and no other, from time 0 on."""
    cut, source, first = placed.cut, placed.cut.source, edits.cuts[0].source
    fps = source.rate.fps
    at = _seek(source, cut.begin)
    chain = [f"movie=filename={_value(source.path)}:si={source.stream}{at}"]
    if source.first:
        chain.append(f"setpts=PTS-round({source.first}/TB)")
    if source.variable:
        # Frame k is what is shown at k / fps: of all frames up to then the last.  The file's last
        # frame is repeated first, or `fps` would drop it where the file says no length of it.
        chain += ["tpad=stop=-1:stop_mode=clone", f"fps=fps={fps}:round=up"]
        chain.append(f"trim=start_pts={cut.begin}:end_pts={cut.end}")
    elif at:
        begin = [f"start={seconds((cut.begin - Fraction(1, 2)) / fps)}"] if cut.begin else []
        chain.append("trim=" + ":".join([*begin, f"end={seconds((2 * cut.end - 1) / fps / 2)}"]))
    else:
        chain.append(f"trim=start_frame={cut.begin}:end_frame={cut.end}")
    chain.append(f"settb=expr=1/({fps}),setpts=N")
    if source.turn in _TURNS:
        chain.append(_TURNS[source.turn])
    if any((s.width, s.height) != (first.width, first.height) for s in edits.sources()):
        size = f"{first.width}:{first.height}"
        chain += [f"scale={size}:force_original_aspect_ratio=decrease", f"pad={size}:-1:-1",
                  "setsar=1"]  # fmt: skip
    facts = {"cut": str(placed.number), **provenance(cut)}
    chain += [f"metadata=mode=add:key=edit_list.{name}:value={_value(text)}"
              for name, text in facts.items()]  # fmt: skip
    return chain


def _sound(placed: Placed) -> list[str]:
    """The sound of the same time, silence where there is none: never longer than the frames."""
    cut, source = placed.cut, placed.cut.source
    fps = source.rate.fps
    begin, length = cut.begin / fps, cut.frames / fps
    shape = f"aformat=sample_rates={SAMPLE_RATE}:channel_layouts=stereo"
    whole = f"atrim=end_sample={max(1, floor(length * SAMPLE_RATE))}"
    if source.audio is None:
        return [f"anullsrc=sample_rate={SAMPLE_RATE}:channel_layout=stereo", shape, whole]
    return [
        f"amovie=filename={_value(source.path)}{_seek(source, cut.begin)}",
        f"atrim=start={seconds(max(Fraction(0), source.first + begin))}"
        f":end={seconds(source.first + begin + length)}",
        f"asetpts=PTS-({source.first + begin})/TB",
        f"aresample={SAMPLE_RATE}:async=1:first_pts=0", shape, "apad", whole,
    ]  # fmt: skip


def _seek(source: Source, frame: int) -> str:
    """Where a reader begins; "": at the file's beginning, as nothing else is sure."""
    if source.variable or not source.indexed:
        return ""
    fps = source.rate.fps
    at = frame / fps - max(MARGIN, MARGIN_FRAMES / fps)
    return f":seek_point={seconds(at)}" if at > 0 else ":seek_point=0"


def _value(text: str) -> str:
    """A text as an option's value: FFmpeg reads it twice, as a part of the graph and as a value."""
    for _ in range(2):
        text = "".join("\\" + c if c in _SPECIAL else c for c in text)
    return text
