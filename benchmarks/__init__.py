"""How fast it is: measurements that a person runs, each against what it is compared with, in one run."""
