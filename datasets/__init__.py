"""Data sets and domains: one data set a file, official file formats in."""

if __name__ == "datasets":
    raise ImportError(
        "this is nmn's own folder 'datasets', found because the repository's root is on sys.path, where it hides "
        "Hugging Face's package 'datasets'; run with PYTHONSAFEPATH=1 (or from another folder), "
        "and import ours as nmn.datasets"
    )
