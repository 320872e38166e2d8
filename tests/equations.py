"""What published networks compute, written from their equations on the published names, in float64.

Slow, and with no code of the library: what it is compared with.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

State = dict[str, torch.Tensor]

# StyleGAN2 -------------------------------------------------------------------------------------------------

KERNEL = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])).double() / 64


def fused(x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    y = x + bias.reshape(1, -1, *[1] * (x.ndim - 2))
    return torch.where(y > 0, y, 0.2 * y) * math.sqrt(2)


def stuffed(x: torch.Tensor) -> torch.Tensor:
    """A zero after each number, in both directions."""
    out = x.new_zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
    out[:, :, ::2, ::2] = x
    return out


def filtered(x: torch.Tensor, kernel: torch.Tensor, before: int, after: int) -> torch.Tensor:
    """Convolution of each channel with the filter (which is symmetric)."""
    padded = F.pad(x, (before, after, before, after))
    return F.conv2d(padded, kernel.expand(x.shape[1], 1, 4, 4), groups=x.shape[1])


def modulated(
    state: State, name: str, x: torch.Tensor, code: torch.Tensor, *, up: bool, demodulate: bool = True
):
    """StyleGAN2's equations 1 to 3: a kernel for each sample."""
    weight, matrix = state[f"{name}.weight"][0], state[f"{name}.modulation.weight"]
    out = []
    for sample, w in zip(x, code, strict=True):
        scale = matrix @ w / math.sqrt(matrix.shape[1]) + state[f"{name}.modulation.bias"]
        kernel = weight / math.sqrt(weight[0].numel()) * scale[None, :, None, None]
        if demodulate:
            kernel = kernel / (kernel.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        if up:
            wide = F.pad(stuffed(sample[None]), (2, 1, 2, 1))
            out.append(filtered(F.conv2d(wide, kernel.flip(2, 3)), 4 * KERNEL, 1, 1)[0])
        else:
            out.append(F.conv2d(sample[None], kernel, padding=kernel.shape[2] // 2)[0])
    return torch.stack(out)


def generator(state: State, codes: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
    """The features of each level's first convolution, and the picture."""

    def styled(name: str, x: torch.Tensor, index: int, *, up: bool) -> torch.Tensor:
        y = modulated(state, f"{name}.conv", x, codes[:, index], up=up)
        y = y + state[f"{name}.noise.weight"] * state[f"noises.noise_{index}"]
        return fused(y, state[f"{name}.activate.bias"])

    def colors(name: str, x: torch.Tensor, index: int) -> torch.Tensor:
        y = modulated(state, f"{name}.conv", x, codes[:, index], up=False, demodulate=False)
        return y + state[f"{name}.bias"]

    x = styled("conv1", state["input.input"].expand(len(codes), -1, -1, -1), 0, up=False)
    features, picture = [x], colors("to_rgb1", x, 1)
    for k in range(sum(f"to_rgbs.{k}.bias" in state for k in range(9))):
        x = styled(f"convs.{2 * k}", x, 2 * k + 1, up=True)
        features.append(x)
        x = styled(f"convs.{2 * k + 1}", x, 2 * k + 2, up=False)
        wide = filtered(stuffed(picture), 4 * KERNEL, 2, 1)
        picture = colors(f"to_rgbs.{k}", x, 2 * k + 3) + wide
    return features, picture


# IR-SE50 and the style encoders on it ----------------------------------------------------------------------


def normed(state: State, name: str, x: torch.Tensor) -> torch.Tensor:
    """Batch norm of a trained network."""
    mean, var, weight, bias = (
        state[f"{name}.{kind}"].reshape(1, -1, 1, 1)
        for kind in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / (var + 1e-5).sqrt() * weight + bias


def prelu(x: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
    return torch.where(x > 0, x, slope.reshape(1, -1, 1, 1) * x)


def unit(state: State, name: str, x: torch.Tensor, stride: int) -> torch.Tensor:
    """Improved residual unit with squeeze and excitation."""
    y = F.conv2d(normed(state, f"{name}.res_layer.0", x), state[f"{name}.res_layer.1.weight"], padding=1)
    y = prelu(y, state[f"{name}.res_layer.2.weight"])
    y = F.conv2d(y, state[f"{name}.res_layer.3.weight"], stride=stride, padding=1)
    y = normed(state, f"{name}.res_layer.4", y)
    squeezed = y.mean((2, 3), keepdim=True)
    squeezed = F.conv2d(squeezed, state[f"{name}.res_layer.5.fc1.weight"]).clamp(min=0)
    y = y / (1 + torch.exp(-F.conv2d(squeezed, state[f"{name}.res_layer.5.fc2.weight"])))
    shortcut = x[:, :, ::stride, ::stride]
    if f"{name}.shortcut_layer.0.weight" in state:
        shortcut = F.conv2d(shortcut, state[f"{name}.shortcut_layer.0.weight"])
        shortcut = normed(state, f"{name}.shortcut_layer.1", shortcut)
    return y + shortcut


def between_corners(small: int, large: int) -> torch.Tensor:
    """Matrix [large, small] that stretches a line linearly; its ends stay its ends."""
    position = torch.linspace(0, small - 1, large, dtype=torch.float64)
    return (1 - (position[:, None] - torch.arange(small)[None]).abs()).clamp(min=0)


def widened(x: torch.Tensor) -> torch.Tensor:
    """Twice the side, bilinear with corners kept."""
    matrix = between_corners(x.shape[-1], 2 * x.shape[-1])
    return matrix @ x @ matrix.t()


def head(state: State, index: int, x: torch.Tensor) -> torch.Tensor:
    name, layer = f"styles.{index}", 0
    while f"{name}.convs.{layer}.weight" in state:
        weight, bias = state[f"{name}.convs.{layer}.weight"], state[f"{name}.convs.{layer}.bias"]
        x = F.conv2d(x, weight, bias, stride=2, padding=1)
        x = torch.where(x > 0, x, 0.01 * x)
        layer += 2
    weight = state[f"{name}.linear.weight"]
    return x.flatten(1) @ weight.t() / math.sqrt(weight.shape[1]) + state[f"{name}.linear.bias"]


def head_outputs(state: State, x: torch.Tensor) -> list[torch.Tensor]:
    """What the 18 heads of e4e and pSp make of a picture [1, 3, 256, 256]."""
    x = F.conv2d(x, state["input_layer.0.weight"], padding=1)
    x = prelu(normed(state, "input_layer.1", x), state["input_layer.2.weight"])
    taps = []
    for i in range(24):
        x = unit(state, f"body.{i}", x, stride=2 if i in (0, 3, 7, 21) else 1)
        taps += [x] if i in (6, 20, 23) else []
    fine, middle, coarse = taps
    middle = widened(coarse) + F.conv2d(middle, state["latlayer1.weight"], state["latlayer1.bias"])
    fine = widened(middle) + F.conv2d(fine, state["latlayer2.weight"], state["latlayer2.bias"])
    return [head(state, i, coarse if i < 3 else middle if i < 7 else fine) for i in range(18)]


# BiSeNet ---------------------------------------------------------------------------------------------------


def rectified(state: State, name: str, x: torch.Tensor, stride: int = 1) -> torch.Tensor:
    """Convolution, batch norm, and what is above 0."""
    weight = state[f"{name}.conv.weight"]
    y = F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)
    return normed(state, f"{name}.bn", y).clamp(min=0)


def basic_block(state: State, name: str, x: torch.Tensor, stride: int) -> torch.Tensor:
    """Residual unit of ResNet-18."""
    y = F.conv2d(x, state[f"{name}.conv1.weight"], stride=stride, padding=1)
    y = normed(state, f"{name}.bn1", y).clamp(min=0)
    y = normed(state, f"{name}.bn2", F.conv2d(y, state[f"{name}.conv2.weight"], padding=1))
    if f"{name}.downsample.0.weight" in state:
        x = F.conv2d(x[:, :, ::stride, ::stride], state[f"{name}.downsample.0.weight"])
        x = normed(state, f"{name}.downsample.1", x)
    return (x + y).clamp(min=0)


def largest_of_nine(x: torch.Tensor) -> torch.Tensor:
    """Max pooling, 3 × 3 around every second pixel, of a map with no number below 0."""
    padded = F.pad(x, (1, 1, 1, 1))
    height, width = x.shape[2:]
    shifts = [padded[:, :, i : i + height : 2, j : j + width : 2] for i in range(3) for j in range(3)]
    return torch.stack(shifts).amax(0)


def sigmoid(x: torch.Tensor) -> torch.Tensor:
    return 1 / (1 + torch.exp(-x))


def repeated(x: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """The nearest pixel to the left and above."""
    rows, columns = (torch.arange(n) * old // n for n, old in zip(size, x.shape[2:], strict=True))
    return x[:, :, rows][:, :, :, columns]


def attended(state: State, name: str, x: torch.Tensor) -> torch.Tensor:
    """Attention refinement: channels times a weight from their means."""
    y = rectified(state, f"{name}.conv", x)
    weights = F.conv2d(y.mean((2, 3), keepdim=True), state[f"{name}.conv_atten.weight"])
    return y * sigmoid(normed(state, f"{name}.bn_atten", weights))


def bisenet(state: State, x: torch.Tensor) -> torch.Tensor:
    """Logits of the face parser's main output, at the size of the picture [B, 3, H, W]."""
    size = x.shape[2:]
    x = F.conv2d(x, state["cp.resnet.conv1.weight"], stride=2, padding=3)
    x = largest_of_nine(normed(state, "cp.resnet.bn1", x).clamp(min=0))
    maps = []
    for layer in range(1, 5):
        x = basic_block(state, f"cp.resnet.layer{layer}.0", x, stride=1 if layer == 1 else 2)
        x = basic_block(state, f"cp.resnet.layer{layer}.1", x, stride=1)
        maps.append(x)
    _, eighth, sixteenth, x = maps
    whole = rectified(state, "cp.conv_avg", x.mean((2, 3), keepdim=True))
    context = attended(state, "cp.arm32", x) + whole
    context = rectified(state, "cp.conv_head32", repeated(context, sixteenth.shape[2:]))
    context = attended(state, "cp.arm16", sixteenth) + context
    context = rectified(state, "cp.conv_head16", repeated(context, eighth.shape[2:]))
    both = rectified(state, "ffm.convblk", torch.cat([eighth, context], 1))
    weights = F.conv2d(both.mean((2, 3), keepdim=True), state["ffm.conv1.weight"]).clamp(min=0)
    both = both * (1 + sigmoid(F.conv2d(weights, state["ffm.conv2.weight"])))
    logits = F.conv2d(rectified(state, "conv_out.conv", both), state["conv_out.conv_out.weight"])
    down, across = (between_corners(old, new) for old, new in zip(logits.shape[2:], size, strict=True))
    return down @ logits @ across.t()
