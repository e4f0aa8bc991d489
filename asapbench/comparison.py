"""Two sets of results of the same benchmarks: by what factor they differ, and whether they do."""
