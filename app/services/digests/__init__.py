"""The daily digest and the weekly summary."""
