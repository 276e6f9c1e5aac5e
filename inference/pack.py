"""Pack a run:  python -m inference.pack --run results/shapes --output shapes.safetensors

One file of safetensors, weights in float16, which can be given wherever a run's folder can.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from inference.run_files import is_packed, weights_file
from options.inference.pack import PackOptions
from options.parse import parse
from util.errors import UserError, run_command
from util.files import check_output

if TYPE_CHECKING:
    from model.task.qa import QuestionAnswering

PROG = "python -m inference.pack"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the file; print what is in it."""
    (options,) = parse(PROG, __doc__ or "", (PackOptions,), argv)
    if is_packed(options.run):
        raise UserError(f"--run {options.run}: is a packed run already; name a run's folder")
    source = weights_file(options.run, options.checkpoint)
    output = check_output(options.output, inputs={"--run": source})
    # Here and not above: help and a misspelt option shall not wait for torch.
    from inference.classification.temperature import kept_temperatures
    from inference.pack_file import save_pack
    from inference.run import TASKS
    from model.task.classification import Classification
    from model.task.qa import QuestionAnswering
    from util.checkpoint import load_checkpoint

    content = load_checkpoint(source)
    kind = TASKS.get(content["task"], QuestionAnswering)  # which refuses what answers nothing
    task = kind.from_checkpoint(content)
    if isinstance(task, Classification) and options.checkpoint == "best":
        content["temperatures"] = kept_temperatures(Path(options.run), source)
    parameters = {name for name, _ in task.named_parameters()}
    save_pack(output, content, parameters=parameters, checkpoint=options.checkpoint)
    numbers = sum(parameter.numel() for parameter in task.parameters())
    if isinstance(task, Classification):
        known = f"{len(task.classes):,} classes" if task.classes else "a value at each frame"
    else:
        known = f"{len(task.vocabulary.words):,} words"
    if isinstance(task, QuestionAnswering):
        known += f", {_answers(task)}"
    print(f"{source} at step {content['step']}: {numbers:,} parameters, {known}")
    print(f"wrote {output}, {Path(output).stat().st_size / 1e6:.2f} MB")
    return 0


def _answers(task: "QuestionAnswering") -> str:
    """What a run tells, in words."""
    if task.kind == "choice":
        return "chooses among candidates"
    if task.count_range is not None:
        return f"tells {task.count_range[0]} to {task.count_range[1]}"
    return f"{len(task.vocabulary.answers):,} answers"


if __name__ == "__main__":
    run_command(main)
