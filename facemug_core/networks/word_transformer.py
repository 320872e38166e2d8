"""The text side of the face text-image model: CLIP's text transformer, over whole words (PAPER section 6)."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn


class WordTransformer(nn.Module):
    """Word numbers `[N, context]` → [N, dim]; the end of a text is its largest number.

    Each word sees those before it. Names of tensors are those of open_clip's `CLIP`.
    """

    def __init__(self, words: int, context: int, dim: int, width: int = 96, heads: int = 3, layers: int = 2):
        super().__init__()
        self.token_embedding = nn.Embedding(words, width)
        self.positional_embedding = nn.Parameter(torch.empty(context, width))
        blocks = [_Block(width, heads, layers) for _ in range(layers)]
        self.transformer = nn.Sequential(OrderedDict(resblocks=nn.Sequential(*blocks)))
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty(width, dim))
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        nn.init.normal_(self.positional_embedding, std=0.01)
        nn.init.normal_(self.text_projection, std=width**-0.5)

    def encode_text(self, numbers: Tensor) -> Tensor:
        values = self.transformer(self.token_embedding(numbers) + self.positional_embedding)
        ends = self.ln_final(values)[torch.arange(len(values)), numbers.argmax(1)]
        return ends @ self.text_projection


class _Block(nn.Module):
    """Attention and a small network, each added to what came in."""

    def __init__(self, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln_2 = nn.LayerNorm(width)
        wide, narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.mlp = nn.Sequential(OrderedDict(c_fc=wide, gelu=nn.GELU(), c_proj=narrow))
        nn.init.normal_(self.attn.in_proj_weight, std=width**-0.5)
        nn.init.normal_(wide.weight, std=(2 * width) ** -0.5)
        for into in (self.attn.out_proj, narrow):
            nn.init.normal_(into.weight, std=(2 * layers * width) ** -0.5)

    def forward(self, values: Tensor) -> Tensor:
        given, context = self.ln_1(values), values.shape[1]
        later = values.new_full((context, context), -torch.inf).triu(1)
        values = values + self.attn(given, given, given, need_weights=False, attn_mask=later)[0]
        return values + self.mlp(self.ln_2(values))
