"""Tests of the pack inside the genuine ComfyUI host."""
