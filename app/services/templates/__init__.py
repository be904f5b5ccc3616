"""Template administration: drafts, validation, preview, publishing, versions."""
