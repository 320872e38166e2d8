"""Base class of feature banks: generators whose maps an edit uses."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

from torch import Tensor, nn

from ..errors import ShapeError


class FeatureBank(nn.Module):
    """Codes to feature maps level by level, and to a picture.

    Args:
        channels: feature channels at 4, 8, … px.
        code_dim: length of one code.
    """

    def __init__(self, channels: Mapping[int, int], code_dim: int) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.resolutions = tuple(sorted(channels))

    @property
    def num_codes(self) -> int:
        """Number of codes that the network reads."""
        return 2 * len(self.resolutions)

    def features(
        self, codes: Tensor, up_to: int = 64, known: Mapping[int, Tensor] | None = None
    ) -> dict[int, Tensor]:
        """Feature maps of all levels from 4 px up to `up_to` px.

        Args:
            codes: `[B, 18, code_dim]`.
            up_to: finest level wanted, in pixels.
            known: maps of the coarsest levels from an earlier call whose codes differ only in later levels
                (see `first_resolution`); they are reused.

        Returns:
            Resolution → map `[B, C, R, R]`, coarse to fine.

        Raises:
            ShapeError: the codes do not fit.
        """
        self._check(codes)
        maps = dict(known) if known else {4: self._coarsest(codes)}
        for level, side in enumerate(self.resolutions[1:], 1):
            if side <= up_to and side not in maps:
                maps[side] = self._next(level, maps[side // 2], codes)
        return {side: maps[side] for side in self.resolutions if side <= up_to}

    @staticmethod
    @abstractmethod
    def first_resolution(code: int) -> int:
        """Coarsest level, in pixels, that depends on the code with this index."""

    @abstractmethod
    def modulation(self, code: int) -> list[Tensor]:
        """Weights `[C, code_dim]` of the linear maps from the code with this index to scales of channels."""

    @abstractmethod
    def forward(self, codes: Tensor, known: Mapping[int, Tensor] | None = None) -> Tensor:
        """Picture `[B, 3, S, S]` in about [-1, 1], not clamped; arguments and errors as in `features`."""

    @abstractmethod
    def _coarsest(self, codes: Tensor) -> Tensor:
        """The map of 4 px."""

    @abstractmethod
    def _next(self, level: int, coarser: Tensor, codes: Tensor) -> Tensor:
        """The map of a level, 4·2^level px, from the one below."""

    def _check(self, codes: Tensor) -> None:
        if codes.ndim != 3 or codes.shape[1] < self.num_codes or codes.shape[2] != self.code_dim:
            raise ShapeError(
                f"Expected style codes of shape (batch, {self.num_codes} or more, {self.code_dim}), but got "
                f"{tuple(codes.shape)}. Broadcast a single code to all levels first."
            )
