"""FACEMUG for ComfyUI: multimodal local face editing. The pack's entry point."""
