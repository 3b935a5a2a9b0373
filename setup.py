"""Packaging of kgkeras."""

import pathlib
import runpy

import setuptools

HERE = pathlib.Path(__file__).parent
VERSION = runpy.run_path(str(HERE / "kgkeras" / "version.py"))["__version__"]

SERVE = [
    "grpcio>=1.60",
    "httptools>=0.6",
    "httpx>=0.27",
    "prometheus-client>=0.20",
    "starlette>=0.37",
    "tensorflow-serving-api>=2.21,<2.22",
    "uvicorn>=0.29",
]
PLOTS = ["matplotlib>=3.8", "networkx>=3.2"]
RDF = ["rdflib>=7.0"]
RL = ["gymnasium>=1.0"]
METRICS = ["sacrebleu>=2.4", "scikit-learn>=1.4"]
TEST = [
    "hypothesis>=6.100",
    "jax>=0.5",
    "pycountry>=24.6",
    "pytest>=8.2",
    "pytest-xdist>=3.5",
    "pyyaml>=6.0",
    "ruff>=0.5",
    "selenium>=4.20",
]

setuptools.setup(
    name="kgkeras",
    version=VERSION,
    description="Language models and knowledge graphs, trained together in Keras 3.",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=setuptools.find_packages(include=["kgkeras", "kgkeras.*"]),
    package_data={
        "kgkeras": [
            "datasets/*/*.tsv",
            "datasets/*/*.txt",
            "export/*.md",
            "serving/explorer/*.html",
        ]
    },
    install_requires=[
        "keras>=3.15,<3.16",
        "keras-nlp>=0.32,<0.33",
        "numpy>=1.26",
        "protobuf>=6.31,<7",
        "rich>=13.7",
        "safetensors>=0.4",
        "tensorboard>=2.19,<2.22",
        "tensorflow>=2.21,<2.22",
        "tensorflow-gnn>=1.0.3,<1.1",
        "tensorflow-text>=2.21,<2.22",
        "tf-keras>=2.21,<2.22",
    ],
    extras_require={
        "serve": SERVE,
        "plots": PLOTS,
        "rdf": RDF,
        "metrics": METRICS,
        "rl": RL,
        "benchmark": ["pykeen>=1.11", "torch>=2.2"],
        "test": SERVE + PLOTS + RDF + METRICS + RL + TEST,
    },
    entry_points={"console_scripts": ["kgkeras = kgkeras.cli:main"]},
)
