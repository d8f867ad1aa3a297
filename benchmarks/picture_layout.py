"""A forward pass of torch in float32 on a processor: pictures channel after channel, against channels-last.

Only the pictures change their layout; the weights stay as they are. Both ways in turn, five models of random
weights, a whole batch of the frozen pass; the fastest of several calls counts. The outputs must be equal.

Targets: EfficientNet-lite0 (depthwise) at least 1.4 times as fast; nothing under 0.85; outputs equal.
"""

import time

import numpy as np
import timm
import torch

from crosstune.frozen.engines.torch_engine import placed

from common import Benchmark

MODELS = {
    "efficientnet_lite0": 96,
    "resnet18": 128,
    "mobilenetv3_small_100": 128,
    "regnety_004": 128,
    "convnext_atto": 96,
    "vit_tiny_patch16_224": 224,
}
"""Architectures of timm, and the pixels of a side."""

BATCH, TURNS = 64, 5


def seconds(model: torch.nn.Module, pictures: torch.Tensor) -> tuple[float, np.ndarray]:
    """Time one call; returns its outputs too."""
    started = time.perf_counter()
    with torch.inference_mode():
        outputs = model(pictures)
    return time.perf_counter() - started, outputs.numpy()


def main() -> None:
    """Time every model both ways, in turn."""
    benchmark = Benchmark("picture_layout", __doc__)
    batch, turns = (8, 2) if benchmark.quick else (BATCH, TURNS)
    milliseconds, ratios, furthest = {}, {}, 0.0
    for name, side in MODELS.items():
        torch.manual_seed(0)
        model = timm.create_model(name, pretrained=False).eval()
        plain = torch.randn(batch, 3, side, side)
        layouts = {"contiguous": plain, **placed({"channels-last": plain}, plain.device)}
        times: dict[str, list[float]] = {layout: [] for layout in layouts}
        for _ in range(1 + turns):  # the first call of each prepares
            found = {layout: seconds(model, pictures) for layout, pictures in layouts.items()}
            for layout, (took, _) in found.items():
                times[layout].append(took)
        first, second = (outputs for _, outputs in found.values())
        furthest = max(furthest, float(np.abs(first - second).max() / np.abs(first).max()))
        milliseconds[name] = {layout: 1e3 * min(took[1:]) / batch for layout, took in times.items()}
        ratios[name] = milliseconds[name]["contiguous"] / milliseconds[name]["channels-last"]
        print(f"  {name}, {side} px: {ratios[name]:.2f} times as fast", flush=True)
    benchmark.finish(
        figures={"milliseconds": milliseconds, "ratios": ratios, "largest_relative_difference": furthest},
        targets={
            "a depthwise network at least 1.4 times as fast": ratios["efficientnet_lite0"] >= 1.4,
            "nothing under 0.85": min(ratios.values()) >= 0.85,
            "outputs equal": furthest < 1e-4,
        },
    )


if __name__ == "__main__":
    main()
