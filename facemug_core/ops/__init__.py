"""Operations on pictures and masks that know nothing of faces: filters and masks."""
