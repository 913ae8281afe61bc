"""What districting.py is made of; units, peers, clocks and worker import no Wangge."""
