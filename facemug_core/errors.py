"""Named errors, written for the person at the screen: what was expected, what came, what to do."""

from __future__ import annotations


class FacemugError(Exception):
    """Base class: every error that a user can cause or cure."""


class InputError(FacemugError):
    """A picture, mask, map, option or file does not fit; nothing was changed."""


class ShapeError(InputError):
    """A tensor has another shape than the stage expects."""


class FaceNotFoundError(InputError):
    """No face was found where one is needed."""


class NothingToEditError(InputError):
    """The mask is empty, or has nothing of the face, or the face has nothing of the region asked for."""


class WeightsMissingError(FacemugError):
    """Weights that a stage needs are not there; the message names the command that brings them."""


class DependencyError(FacemugError):
    """An optional package that a stage needs is missing or broken; everything else works without it."""


class UnknownWordsWarning(UserWarning):
    """A text has words that its model has never read."""


class CheckpointError(FacemugError):
    """A weights file is damaged, unsafe or of an unknown kind."""


class UnwritableError(FacemugError, OSError):
    """A file cannot be written: the disk is full, or the folder not ours; what was there before still is."""


class FetchError(FacemugError):
    """A download failed, or what came was not what the manifest promises."""
