"""The judges of solid edits, on pictures whose flaws are known: each fails the key that is meant for it."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from facemug_core.conditions.sketches import gaussian_blur
from facemug_core.conventions import LABELS
from facemug_core.evaluation import solidity
from facemug_core.evaluation.bars import BARS
from facemug_core.evaluation.efficientnet import EfficientNetLite0
from facemug_core.evaluation.faces import FIRST_SEED, Faces
from facemug_core.evaluation.metrics import EfficientNetDistance
from facemug_core.evaluation.suites import SOLID
from facemug_core.evaluation.suites.other_guides import by_other_guides
from facemug_core.evaluation.suites.pairs import judged_alone
from facemug_core.evaluation.suites.portraits import Portrait, measured, portrait_masks
from facemug_core.evaluation.trials import Case, Judges, Trial
from facemug_core.faces.comparison import FaceComparer
from facemug_core.faces.regions import region_mask
from facemug_core.ops.masks import fill_holes

pytestmark = pytest.mark.usefixtures("one_thread")

BACKGROUND, SKIN, NECK, HAIR = (LABELS.index(name) for name in ("background", "skin", "neck", "hair"))
PEOPLE = 12


def noise(seed: int, size: int, sigma: float, strength: float) -> torch.Tensor:
    """Smooth noise `[3, size, size]`, gray."""
    rough = torch.randn(1, 1, size, size, generator=torch.Generator().manual_seed(seed))
    smooth = gaussian_blur(rough, sigma)[0]
    return (strength * smooth / smooth.std()).expand(3, -1, -1)


def face_labels(size: int) -> torch.Tensor:
    """Hair around a face above a neck, `[size, size]`."""
    y, x = torch.meshgrid(*(2 * torch.linspace(-1, 1, size),) * 2, indexing="ij")
    labels = torch.full((size, size), BACKGROUND)
    labels[(y > 0.8) & (x.abs() < 0.6)] = NECK
    labels[(x**2 + (y + 0.1) ** 2 < 1.7) & (y < 0.6)] = HAIR
    labels[x**2 + 0.8 * y**2 < 0.8] = SKIN
    return labels


def portraits(size: int = 128, count: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """Faces of noise in the tones of parts, `[count, 3, size, size]`, and their classes."""
    labels = face_labels(size)
    tones = torch.tensor([[0.0, 0.3, 0.5], [0.5, 0.2, 0.0], [0.45, 0.15, -0.05], [-0.6, -0.7, -0.8]])
    pictures = []
    for seed in range(count):
        picture = noise(2 * seed, size, 3, 0.12) + noise(2 * seed + 1, size, 0.5, 0.05)
        own = tones + 0.1 * torch.randn(4, 1, generator=torch.Generator().manual_seed(seed))
        for label, tone in zip((BACKGROUND, SKIN, NECK, HAIR), own, strict=True):
            picture = torch.where(labels == label, picture + tone[:, None, None], picture)
        pictures.append(picture.clamp(-1, 1))
    return torch.stack(pictures), labels.expand(count, -1, -1)


def blurred(picture: torch.Tensor) -> torch.Tensor:
    return gaussian_blur(picture.flatten(0, 1)[:, None], 1.5).view_as(picture)


def mixed_with_filling(picture: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return torch.lerp(picture, fill_holes(picture, mask), 0.4)


def tinted(picture: torch.Tensor) -> torch.Tensor:
    return (picture + torch.tensor([0.1, 0.0, -0.1]).view(3, 1, 1)).clamp(-1, 1)


def raw_paste(picture: torch.Tensor) -> torch.Tensor:
    """Another picture of the face: some pixels aside, softer, in another tone."""
    moved = F.pad(picture, (3, 0, 2, 0), mode="replicate")[..., : picture.shape[-2], : picture.shape[-1]]
    return 0.5 * (moved + blurred(moved)) * 0.85 - 0.1


FLAWS = {
    "truth": lambda picture, mask: picture,
    "blurred": lambda picture, mask: blurred(picture),
    "mixed": mixed_with_filling,
    "tinted": lambda picture, mask: tinted(picture),
    "pasted": lambda picture, mask: raw_paste(picture),
}


def holds(key: str, value: float) -> bool | None:
    (bar,) = (bar for bar in BARS if bar.key == f"real.solid.completion.{key}")
    return bar.verdict({bar.key: value})


def judged(flaw: str) -> dict[str, bool | None]:
    """Whether the bars hold for an edit of two faces."""
    photo, labels = portraits()
    mask = region_mask(labels, "face", 4)
    edit = torch.where(mask > 0, FLAWS[flaw](photo, mask), photo)
    numbers = measured(edit, labels, photo, labels, mask)
    keys = ("contrast_mid", "contrast_fine", "skin_delta_e", "rim_delta_e")
    return {key: holds(key, float(np.mean(numbers[key]))) for key in keys}


def test_the_truth_meets_every_bar():
    assert all(judged("truth").values())


@pytest.mark.parametrize(
    ("flaw", "key"),
    [
        ("blurred", "contrast_mid"),
        ("blurred", "contrast_fine"),
        ("mixed", "contrast_mid"),
        ("mixed", "skin_delta_e"),
        ("tinted", "skin_delta_e"),
        ("tinted", "rim_delta_e"),
        ("pasted", "contrast_fine"),
        ("pasted", "rim_delta_e"),
    ],
)
def test_a_flaw_fails_its_key(flaw, key):
    assert judged(flaw)[key] is False


def test_a_tint_leaves_contrast_alone():
    verdicts = judged("tinted")
    assert verdicts["contrast_mid"]
    assert verdicts["contrast_fine"]


@pytest.mark.parametrize(("flaw", "leaks"), [("truth", False), ("mixed", True)])
def test_the_leak_test_finds_what_comes_from_the_background(flaw, leaks):
    photo, labels = portraits()
    mask = region_mask(labels, "hair+face", 4)
    violet = solidity.with_violet_background(photo, labels, mask)
    skin = solidity.of_classes(labels, solidity.SKIN) & (mask[:, 0] > 0)
    hidden = torch.where(mask > 0, photo, violet)
    moved = solidity.mean_delta_e(FLAWS[flaw](photo, mask), FLAWS[flaw](hidden, mask), skin)
    assert holds("background_leak_skin", float(moved.mean())) is not leaks


def test_violet_is_put_behind_the_head_alone():
    photo, labels = portraits()
    mask = region_mask(labels, "face", 4)
    violet = solidity.with_violet_background(photo, labels, mask)
    changed = (violet != photo).any(1)
    assert torch.equal(changed, (labels == BACKGROUND) & (mask[:, 0] == 0))


def test_a_new_style_is_held_against_the_photos_skin():
    photo, labels = portraits()
    mask = region_mask(labels, "face", 4)
    same, other = (solidity.style_delta_e(edit, labels, photo, labels, mask) for edit in (photo, photo - 0.3))
    assert same.max() == 0
    assert other.min() > 5
    without_skin = torch.where(labels == NECK, BACKGROUND, labels)
    assert solidity.style_delta_e(photo, labels, photo, without_skin, mask).isnan().all()


@pytest.mark.parametrize("smeared", [False, True])
def test_background_where_hair_was_goes_on_as_it_is_beside(smeared):
    photo, labels = portraits()
    mask = region_mask(labels, "hair", 6)
    bald = torch.where(labels == HAIR, BACKGROUND, labels)
    texture = torch.stack([noise(90 + i, 128, 3, 0.12) + noise(80 + i, 128, 0.5, 0.05) for i in range(2)])
    going_on = torch.where((bald == BACKGROUND)[:, None], texture + 0.2, photo)
    filled = fill_holes(photo, mask) if smeared else going_on
    edit = torch.where((mask > 0) & (bald == BACKGROUND)[:, None], filled, photo)
    ratios = solidity.background_contrast(edit, bald, labels, mask)
    assert holds("background_contrast", float(ratios.log().mean().exp())) is not smeared


def test_background_is_judged_where_hair_became_smaller_only():
    photo, labels = portraits()
    assert solidity.background_contrast(photo, labels, labels, region_mask(labels, "hair", 6)).isnan().all()


def test_an_edge_of_the_truth_is_no_seam():
    photo, labels = portraits()
    mask = region_mask(labels, "skin")  # the border runs along the edge of the face
    inside = torch.where(mask > 0, 0.5, -0.9).expand_as(photo)
    assert solidity.rim_delta_e(photo, inside, mask).isnan().all()


@pytest.fixture(scope="module")
def appearances() -> dict[str, np.ndarray]:
    """Features of each kind of edit, by a network of random weights."""
    photo, labels = portraits(64, PEOPLE)
    mask = region_mask(labels, "face", 2)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        network = EfficientNetLite0().eval()
        return {
            name: solidity.appearance(network(torch.where(mask > 0, flaw(photo, mask), photo)), mask).numpy()
            for name, flaw in FLAWS.items()
        }


@pytest.mark.parametrize("flaw", ["blurred", "pasted"])
def test_flawed_edits_are_told_apart(appearances, flaw):
    scores = solidity.classified(appearances[flaw], appearances["truth"], np.arange(PEOPLE))
    assert holds("told_apart", solidity.told_apart(*scores)) is False


def test_the_truth_is_not_told_apart(appearances):
    scores = solidity.classified(appearances["truth"], appearances["truth"], np.arange(PEOPLE))
    assert solidity.told_apart(*scores) == 0.5


def test_people_are_not_known_from_other_edits_of_theirs():
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(30), 6)
    edits, photos = (
        rng.normal(size=(30, 100))[people] + 0.01 * rng.normal(size=(180, 100)) for _ in range(2)
    )
    assert 0.3 < solidity.told_apart(*solidity.classified(edits, photos, people)) < 0.7


def test_appearance_is_of_the_mask_alone():
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 4:8, 4:8] = 1
    level = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    changed = torch.where(F.max_pool2d(mask, 2) > 0, level, 9.0)
    assert torch.equal(solidity.appearance([level], mask), solidity.appearance([changed], mask))


def test_a_face_has_the_masks_that_its_parts_allow():
    labels = face_labels(256)
    assert set(portrait_masks(labels, mirrored=False)) == {"half_face", "face", "hair", "hair_face"}
    bald = torch.where(labels == HAIR, BACKGROUND, labels)
    assert "hair" not in portrait_masks(bald, mirrored=False)
    left, right = (portrait_masks(labels, mirrored)["half_face"] for mirrored in (False, True))
    assert torch.equal(left, right.flip(-1))
    assert not (left * right).any()


def test_keys_are_by_kind_of_edit_and_of_mask():
    cases = [
        Case("an edit", f"{edit}.{mask}", 0.0, {"person": 1.0, "contrast_mid": mid, "skin_delta_e": 1.0}, {})
        for edit, mask, mid in (
            ("completion", "half_face", 2.0), ("completion", "mouth", 0.5), ("completion", "hair", 0.5),
            ("guided", "mouth", 1.0),
        )
    ]  # fmt: skip
    keys = SOLID.summary(cases)
    assert keys["solid.completion.contrast_mid"] == pytest.approx(0.5 ** (1 / 3))
    assert keys["solid.completion.half_face.contrast_mid"] == pytest.approx(2)
    assert keys["solid.guided.mouth.skin_delta_e_p90"] == 1
    assert keys["solid.completion.told_apart"] == "needs 10 people, not 1"
    assert "solid.random.contrast_mid" not in keys


# Another person's guides


class ToneParser:
    """Reads the classes of `portraits` off their tones."""

    def parse(self, pictures: torch.Tensor) -> torch.Tensor:
        light = gaussian_blur(pictures.mean(1, keepdim=True), 2)[:, 0]
        warm = gaussian_blur((pictures[:, 0] - pictures[:, 2])[:, None], 2)[:, 0]
        return torch.where(light < -0.3, HAIR, torch.where(warm < 0, BACKGROUND, SKIN))


class Drawing(Trial):
    """Edits are the other person, as far as a model follows guides."""

    follows = True

    def project(self, conditions):
        return torch.zeros(1, 18, 512)

    def edit(self, conditions, codes, features=None):
        drawn = self.faces.other_photo if self.follows else conditions.image
        return torch.where(conditions.mask > 0, drawn, conditions.image)


class Ignoring(Drawing):
    follows = False


@pytest.fixture(scope="module")
def other_guides() -> Faces:
    """A face, and the guides of one that is wider and lies elsewhere."""
    photo, labels = portraits(256)
    other, other_labels = (torch.roll(x, (-24, 30), (-2, -1)) for x in (photo[1:], labels[1:]))
    return Faces(
        (FIRST_SEED,), ("regions",), photo[:1], photo[:1], photo[:1], torch.zeros(1, 1, 256, 256), labels[:1],
        other, other_labels,
    )  # fmt: skip


@pytest.fixture(scope="module")
def judges() -> Judges:
    judges = Judges()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        judges.perceptual = EfficientNetDistance(EfficientNetLite0().eval())
    judges.parser = ToneParser()
    judges.comparer = FaceComparer(torch.nn.Sequential(torch.nn.AvgPool2d(32), torch.nn.Flatten()))
    return judges


@pytest.fixture(scope="module", params=[Drawing, Ignoring])
def guided_by_others(request, other_guides, judges) -> tuple[bool, dict]:
    """Whether guides were followed, and the keys."""
    trial = request.param(None, other_guides, judges)
    with torch.no_grad():
        return trial.follows, SOLID.summary(by_other_guides(trial, 0, Portrait.of(other_guides, 0)))


@pytest.mark.parametrize("key", ["miou_ratio", "f1"])
def test_guides_of_another_person_have_to_be_followed(guided_by_others, key):
    followed, keys = guided_by_others
    (bar,) = (bar for bar in BARS if bar.key == f"real.solid.guided_other.{key}")
    assert bar.verdict({f"real.{name}": value for name, value in keys.items()}) is followed


def test_agreement_with_guides_is_told_beside_that_of_edits_without_them(guided_by_others):
    followed, keys = guided_by_others
    assert keys["solid.guided_other.f1_unconditioned"] == pytest.approx(keys["solid.guided_other.f1"])
    assert (keys["solid.guided_other.color_delta_e"] < 1) is followed
    assert {"solid.guided_other.map.contrast_mid", "solid.guided_other.all.rim_delta_e"} <= keys.keys()
    assert "solid.guided_other.map.f1" not in keys
    assert "solid.guided_other.all.style_delta_e" not in keys


# Half a face alone


def half_identity_holds(flaw) -> bool | None:
    """Whether the bar holds for the left halves of faces under a comparer that sees tones."""
    photo, _ = portraits(256, 2)
    comparer = FaceComparer(torch.nn.Sequential(torch.nn.AvgPool2d(32), torch.nn.Flatten()))
    half = solidity.doubled(flaw(photo), right=False)
    person, stranger = comparer.embed(photo)
    vectors = {"": comparer.embed(half[:1])[0], "_mirrored": comparer.embed(photo[:1].flip(-1))[0],
               "_strangers": stranger}  # fmt: skip
    (bar,) = (bar for bar in BARS if bar.key == "real.solid.half_identity")
    return bar.verdict({f"{bar.key}{end}": float(vector @ person) for end, vector in vectors.items()})


@pytest.mark.parametrize(
    ("flaw", "same"),
    [
        (lambda photo: photo, True),
        (lambda photo: photo.flip(-1), True),
        (lambda photo: photo.flip(0), False),
        (torch.zeros_like, False),
    ],
)
def test_half_a_face_alone_has_to_be_the_person(flaw, same):
    assert half_identity_holds(flaw) is same


def test_half_a_face_is_doubled_without_the_other_half():
    picture, _ = portraits(64, 1)
    left, right = (solidity.doubled(picture, right) for right in (False, True))
    assert torch.equal(left[..., :32], picture[..., :32])
    assert torch.equal(right[..., 32:], picture[..., 32:])
    assert torch.equal(left, left.flip(-1))
    assert torch.equal(right, right.flip(-1))


# Edits without a truth


def judged_beside(flaw: str) -> dict[str, float]:
    """Keys of an edit whose hole lies within the skin."""
    photo, labels = portraits()
    mask = region_mask(labels, "skin", -14)
    edit = torch.where(mask > 0, FLAWS[flaw](photo, mask), photo)
    return {key: float(values.mean()) for key, values in judged_alone(edit, labels, mask).items()}


def test_a_photo_is_as_it_is_beside_any_part_of_it():
    keys = judged_beside("truth")
    assert 0.9 < keys["contrast_mid"] < 1.1
    assert 0.9 < keys["contrast_fine"] < 1.1
    assert keys["skin_delta_e"] < 1
    assert abs(keys["rim_delta_e"]) < 0.5


@pytest.mark.parametrize(
    ("flaw", "key", "low", "high"),
    [
        ("blurred", "contrast_fine", 0, 0.6),
        ("mixed", "contrast_mid", 0, 0.9),
        ("tinted", "skin_delta_e", 3, 99),
        ("tinted", "rim_delta_e", 1, 99),
        ("pasted", "rim_delta_e", 1, 99),
    ],
)
def test_a_flaw_is_seen_without_a_truth(flaw, key, low, high):
    assert low <= judged_beside(flaw)[key] < high


# Keys over all kinds of edits


def test_edits_of_all_kinds_are_summed_up_by_mask():
    cases = [
        Case("an edit", kind, 0.0, {"person": 1.0, "contrast_mid": mid}, {})
        for kind, mid in (("completion.mouth", 2.0), ("random.mouth", 0.5), ("guided.hair", 3.0),
                          ("guided_other.map", 9.0))
    ]  # fmt: skip
    keys = SOLID.summary(cases)
    assert keys["solid.mouth.contrast_mid"] == pytest.approx(1)
    assert keys["solid.contrast_mid"] == pytest.approx(3 ** (1 / 3))
    assert keys["solid.guided_other.contrast_mid"] == pytest.approx(9)
    assert "solid.map.contrast_mid" not in keys
