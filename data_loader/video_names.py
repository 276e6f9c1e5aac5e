"""Which file is which video: one rule for extraction, question tables, checking and predicting.

The id of a video is the name of its file without the ending, in composed Unicode (NFC).
"""

import unicodedata


def _endings(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Endings of videos, in any case.  Only these are taken off, so that the video `a.b`, of the file
# `a.b.mp4`, stays `a.b`; a file of another ending may be a video too, and is called by its whole
# name.
ENDINGS = _endings(
    ".3g2 .3gp .amv .apng .asf .avi .divx .dv .f4v .flv .gif .gxf .h264 .h265 .hevc .ivf .m1v .m2p "
    ".m2t .m2ts .m2v .m4v .mj2 .mjpeg .mjpg .mk3d .mkv .mov .mp4 .mpe .mpeg .mpg .mpv .mts .mxf "
    ".nsv .nut .ogg .ogm .ogv .qt .rm .rmvb .trp .ts .vob .vro .webm .wmv .wtv .xvid .y4m"
)

# What lies beside videos and is none, by the ending of its name; the first rule that fits holds.
NO_VIDEOS = {
    "file of this program": _endings(".h5 .hdf5 .lock .parts .partial .quarantine.json"),
    "text": _endings(
        ".ass .bib .cfg .css .csv .db .doc .docx .htm .html .idx .ini .json .jsonl .lnk .log .md "
        ".md5 .nfo .pdf .py .rtf .sbv .sh .sha1 .sha256 .smi .srt .ssa .sub .sup .sqlite .tex .tsv "
        ".ttml .txt .url .vtt .webloc .xls .xlsx .xml .yaml .yml"
    ),
    "picture": _endings(
        ".avif .bmp .dng .heic .heif .ico .jfif .jpe .jpeg .jpg .png .psd .svg .tga .tif .tiff "
        ".webp"
    ),
    "sound": _endings(
        ".aac .ac3 .aif .aiff .amr .ape .dts .flac .m4a .m4b .mid .mka .mp2 .mp3 .oga .opus .wav "
        ".wma"
    ),
    "data or archive": _endings(
        ".7z .bz2 .ckpt .gz .npy .npz .onnx .parquet .pickle .pkl .pt .pth .rar .safetensors .tar "
        ".tgz .xz .zip .zst"
    ),
    "unfinished download": _endings(".aria2 .crdownload .part .torrent .ytdl"),
}


def video_id(name: str) -> str:
    """The id of the video whose file is called so, with or without its ending.

    Blanks around it do not count; `é` is the same in one character (NFC) and in two (as a Mac
    writes names).
    """
    name = unicodedata.normalize("NFC", name).strip()
    stem, dot, ending = name.rpartition(".")
    if stem.strip() and dot + ending.lower() in ENDINGS:
        return stem.strip()
    return name


def no_video(name: str) -> str | None:
    """What a file or folder of this name is ("hidden", "text", ...), if it is no video for that."""
    if name.startswith("."):
        return "hidden"
    lower = name.lower().strip()
    endings = tuple(lower[at:] for at, character in enumerate(lower) if character == ".")
    for kind, known in NO_VIDEOS.items():
        # `a.quarantine.json` has two dots; otherwise only the last counts
        if endings and not known.isdisjoint(endings[-2:]):
            return kind
    return None
