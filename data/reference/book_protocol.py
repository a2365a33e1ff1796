"""The run of Raschka's book made small, with dropout on: see protocol.py."""

from common import ROOT, begin
from protocol import PROTOCOLS, run

if __name__ == "__main__":
    # A hundredth of a percent may be lost on another processor; a draw too many or too few changes the first digits.
    begin("book_protocol", rtol=1e-3)
    print("the book's run with 2 blocks, 2 heads, 64 channels, context 32, on data/story.txt")
    for line in run((ROOT / "data" / "story.txt").read_text(), digits=6, **PROTOCOLS["small"]):
        print(line)
