"""Videos of moving shapes with questions:  python -m preprocess.shapes --output data/shapes"""

from preprocess.shapes.generate import main
from util.errors import run_command

if __name__ == "__main__":
    run_command(main)
