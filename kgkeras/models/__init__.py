"""Keras models composed of the layers."""

from kgkeras.models.joint import JointModel

__all__ = ["JointModel"]
