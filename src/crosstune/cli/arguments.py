"""Flags and arguments that several commands share, so that each is worded once."""

from pathlib import Path
from typing import Annotated

import typer

DataArgument = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        show_default=False,
        help="A folder of class folders, a CSV, TSV, JSONL or Parquet file, a folder that holds train, "
        "validation and test, a saved dataset, or a Hub dataset id.",
    ),
]
RunArgument = Annotated[
    Path, typer.Argument(metavar="RUN", show_default=False, help="The directory that `fit` wrote.")
]
TargetOption = Annotated[
    str | None, typer.Option("--target", metavar="COLUMN", help="The column to predict.")
]
InputsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--inputs", "--input", metavar="COLUMN", help="A column to predict from; repeat it for a pair."
    ),
]
GroupOption = Annotated[
    str | None,
    typer.Option("--group", metavar="COLUMN", help="Rows with equal values here stay in one split."),
]
DomainOption = Annotated[
    str | None,
    typer.Option("--domain", metavar="COLUMN", help="Says which domain a row is from: metrics for each."),
]
HeldOutDomainOption = Annotated[
    list[str] | None,
    typer.Option(
        "--held-out-domain",
        metavar="NAME",
        help="A domain that never trains, and is evaluated apart from the others; may be repeated.",
    ),
]
SelectByOption = Annotated[
    str | None,
    typer.Option(
        "--select-by",
        metavar="HOW",
        help="What choices look at: overall, worst-domain or mean-domain.  [default: overall]",
    ),
]
TaskOption = Annotated[
    str | None,
    typer.Option("--task", metavar="TASK", help="Such as image-classification; inferred when not given."),
]
MaxBadOption = Annotated[
    float | None,
    typer.Option(
        "--max-bad",
        metavar="SHARE",
        help="Share of the rows that may be set aside.  "
        "[default: 0.01; below 1,000 rows 0.1, but at most ten rows]",
    ),
]
BeamsOption = Annotated[
    int,
    typer.Option(
        "--beams", metavar="N", min=1, help="Of a recogniser: search for the likeliest text; 1 is greedy."
    ),
]
StrictOption = Annotated[bool, typer.Option("--strict", help="Take warnings of the check for errors.")]
TrackersOption = Annotated[
    list[str] | None,
    typer.Option("--trackers", metavar="NAME", help="An experiment tracker to log to; may be repeated."),
]
ExtendableOption = Annotated[
    bool, typer.Option("--extendable", help="Keep the last checkpoints, for `resume --epochs`.")
]
AdaptToOption = Annotated[
    str | None,
    typer.Option(
        "--adapt-to",
        metavar="DATA",
        help="Unlabelled inputs of the place of use: BatchNorm statistics are re-estimated on them.",
    ),
]
PretrainOnOption = Annotated[
    str | None,
    typer.Option(
        "--pretrain-on",
        metavar="DATA",
        help="Unlabelled texts: masked language modelling on them before tuning, kept only where it wins.",
    ),
]
KeepOption = Annotated[
    float | None,
    typer.Option(
        "--keep-at-least",
        metavar="SHARE",
        help="Of the accuracy that a probe reads from the base model on unrelated sets, what must be kept.",
    ),
]
ControlsOption = Annotated[
    bool,
    typer.Option(
        "--controls", help="Compare a model of another modality with its controls, beyond the budget."
    ),
]
EngineOption = Annotated[
    str, typer.Option("--engine", help="What runs the model: auto, torch, openvino or onnxruntime.")
]
ModelOption = Annotated[
    str | None,
    typer.Option("--model", metavar="MODEL", help="Such as torchvision:resnet50.  [default: auto]"),
]
ModelsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--models", metavar="MODEL", help="A model to choose from; may be repeated.  [default: what is here]"
    ),
]
BudgetOption = Annotated[
    str | None,
    typer.Option("--budget", metavar="TIME", help="90s, 10m, 2h or none.  [default: 10m]"),
]
SetsOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any option or setting; may be repeated."),
]
ShowMaskOption = Annotated[
    bool,
    typer.Option(
        "--show-mask", help="Of conversations, with --model: print rows with what would be learnt marked."
    ),
]
MaxLengthOption = Annotated[
    int | None,
    typer.Option("--max-length", metavar="TOKENS", help="With --show-mask: tokens read of a conversation."),
]
DrawOption = Annotated[
    Path | None,
    typer.Option(
        "--draw", metavar="FOLDER", help="Of pictures: write sheets of them with their labels drawn on."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
FitDataArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="DATA",
        show_default=False,
        help="A folder, a file, a saved dataset or a Hub dataset id; may stand in the recipe instead.",
    ),
]
RunOption = Annotated[Path | None, typer.Option("--out", metavar="RUN", help="The run directory to write.")]
RecipeOption = Annotated[
    Path | None, typer.Option("--recipe", metavar="FILE", help="A TOML file of options and settings.")
]
ClassesOption = Annotated[
    list[str] | None,
    typer.Option("--classes", metavar="NAME", help="A class name; repeat it, in the order wanted."),
]
