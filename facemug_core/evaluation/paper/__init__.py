"""The paper's evaluation: its metrics, masks and combinations of modalities, beside other methods."""
