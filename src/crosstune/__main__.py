"""``python -m crosstune`` is the command ``crosstune``."""

from crosstune.cli.main import app

if __name__ == "__main__":
    app()
