"""Bars: the values that the report's keys must reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..editing.measuring import ATTRIBUTES
from .faces import MASK_KINDS
from .solidity import EDITS, GUIDED_OTHER

Values = Mapping[str, float]


@dataclass(frozen=True)
class Bar:
    """A condition on one key."""

    key: str
    text: str
    """The condition in words or signs."""
    others: tuple[str, ...]
    """Other keys in the condition."""
    holds: Callable[[float, Values], bool]

    def verdict(self, values: Values) -> bool | None:
        """Whether the bar holds; None if one of its keys was not measured."""
        if not {self.key, *self.others} <= values.keys():
            return None
        return self.holds(values[self.key], values)


def at_most(key: str, limit: float) -> Bar:
    """The key must not exceed the limit."""
    return Bar(key, f"≤ {limit:g}", (), lambda value, _: value <= limit)


def at_least(key: str, limit: float) -> Bar:
    """The key must reach the limit."""
    return Bar(key, f"≥ {limit:g}", (), lambda value, _: value >= limit)


def within(key: str, low: float, high: float) -> Bar:
    """The key must lie between two limits."""
    return Bar(key, f"{low:g} to {high:g}", (), lambda value, _: low <= value <= high)


def at_most_times(key: str, factor: float, other: str) -> Bar:
    """The key must not exceed a multiple of another key."""
    return Bar(key, f"≤ {factor:g} × {other}", (other,), lambda value, all_: value <= factor * all_[other])


def at_least_times(key: str, factor: float, other: str) -> Bar:
    """The key must reach a multiple of another key."""
    return Bar(key, f"≥ {factor:g} × {other}", (other,), lambda value, all_: value >= factor * all_[other])


def above(key: str, other: str, margin: float) -> Bar:
    """The key must exceed another key by a margin."""
    return Bar(key, f"≥ {other} + {margin:g}", (other,), lambda value, all_: value >= all_[other] + margin)


def nearer_by_half(key: str, near: str, far: str) -> Bar:
    """The distance of the key from `near`, which is larger, must be at most half of that from `far`."""

    def holds(value: float, all_: Values) -> bool:
        return all_[near] - value <= (value - all_[far]) / 2

    return Bar(key, f"at most half as far from {near} as from {far}", (near, far), holds)


def slider_bars(name: str, same_person: bool) -> list[Bar]:
    """Bars of an attribute slider, with one for identity if the person should stay the same."""
    bars = [at_least("effect", 1.5), at_least("monotone", 0.9), at_most("leak", 0.35)]
    bars += [at_least("identity", 0.6)] if same_person else []
    return [replace(bar, key=f"attributes.{name}.{bar.key}") for bar in bars]


def solid_bars(edit: str) -> list[Bar]:
    """Bars of a kind of edit of the suite `solid`, on real portraits."""
    bars = [
        within("contrast_mid", 0.92, 1.10),
        within("contrast_fine", 0.88, 1.12),
        at_most("rim_delta_e", 1.0),
        within("background_contrast", 0.8, 1.25),
    ]
    if edit != "random":  # where strangers differ from the photo's people by more than how they are drawn
        bars += [at_most("told_apart", 0.88)]
    if edit in ("completion", "guided"):
        bars += [at_most(f"{mask}.told_apart", 0.8) for mask in ("eyes_brows", "mouth")]
    return [replace(bar, key=f"real.solid.{edit}.{bar.key}") for bar in bars]


BARS: Sequence[Bar] = (
    at_most("kept_pixels_changed", 0),
    *(at_most(f"completion.{kind}.perceptual_ratio", 0.75) for kind in MASK_KINDS),
    *(at_most(f"guided.{kind}.perceptual_ratio", 0.5) for kind in MASK_KINDS),
    at_most("completion.paste_ratio", 0.8),
    at_most("guided.paste_ratio", 0.7),
    at_most("completion.frechet_ratio", 0.2),
    at_least("semantic.miou_ratio", 0.75),
    above("semantic.miou_ratio", "semantic.unconditioned_miou_ratio", 0.25),
    at_least("semantic.iou.hat", 0.5),
    at_least("semantic.iou.eye_g", 0.5),
    at_least("sketch.f1", 0.6),
    above("sketch.f1", "sketch.f1_unconditioned", 0.25),
    at_most("color.delta_e_other", 8),
    at_most_times("color.delta_e_other", 0.5, "color.unconditioned"),
    at_most("color.delta_e_rotated", 15),
    at_most_times("color.delta_e_rotated", 0.5, "color.unconditioned_rotated"),
    at_least("exemplar.identity_gain", 0.3),
    at_most("warp.pose_ratio", 0.5),
    at_least("warp.identity_ratio", 0.8),
    at_least("encoder.identity", 0.5),
    at_least("encoder.rank1_of_100", 0.8),
    at_least_times("generation.sketch.f1", 0.8, "sketch.f1"),
    at_least_times("generation.semantic.miou_ratio", 0.8, "semantic.miou_ratio"),
    at_most_times("generation.color.delta_e", 1.2, "color.delta_e_other"),
    at_least_times("generation.all.f1", 0.8, "sketch.f1"),
    at_least_times("generation.all.miou_ratio", 0.8, "semantic.miou_ratio"),
    at_most_times("generation.all.delta_e", 1.2, "color.delta_e_other"),
    at_most("subsets.worst", 1.05),
    at_least("subsets.improving_pairs", 0.8),
    at_least("diversity", 0.3),
    at_most_times("diversity.frechet_ratio", 1, "diversity.frechet_ratio_projected"),
    within("seam.gradient_ratio", 0.8, 1.2),
    *(bar for name, a in ATTRIBUTES.items() for bar in slider_bars(name, a.same_person)),
    within("real.seam.gradient_ratio", 0.85, 1.15),
    at_most("real.seam.color_shift", 1.5),
    at_least("text.success.optimize", 0.7),
    at_least("text.success.direction", 0.5),
    at_least("text.identity", 0.5),
    at_least("text.retrieval_at_1", 0.5),
    at_most("detail.perceptual_ratio", 0.7),
    within("detail.sharpness_ratio", 0.7, 1.3),
    *(bar for edit in (*EDITS, GUIDED_OTHER) for bar in solid_bars(edit)),
    at_most("real.solid.completion.skin_delta_e", 3),
    at_most("real.solid.completion.skin_delta_e_p90", 6),
    at_most("real.solid.completion.background_leak_skin", 0.7),
    at_most("real.solid.completion.background_leak_hair", 0.7),
    at_most("real.solid.random.style_delta_e", 5),
    at_most(f"real.solid.{GUIDED_OTHER}.style_delta_e", 5),
    at_least(f"real.solid.{GUIDED_OTHER}.miou_ratio", 0.7),
    at_least(f"real.solid.{GUIDED_OTHER}.f1", 0.5),
    nearer_by_half(
        "real.solid.half_identity", "real.solid.half_identity_mirrored", "real.solid.half_identity_strangers"
    ),
    at_most_times("real.completion.perceptual_ratio", 1.25, "completion.perceptual_ratio"),
)
"""All bars."""
