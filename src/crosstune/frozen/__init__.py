"""Work on a frozen body: computed once, by the fastest engine at hand, and kept on disk."""
