"""The models being served: which versions of which names can answer."""

import dataclasses

from kgkeras.serving.status import Code, StatusError, invalid_argument


@dataclasses.dataclass(frozen=True)
class ModelSpec:
    """Which model a request is for: the latest version, one version, or the one with a label."""

    name: str
    version: int | None = None
    label: str | None = None


class Registry:
    """Looks servables up by name and version.

    Args:
        models: Dictionary from name to a dictionary from version to `Servable`.
    """

    def __init__(self, models):
        self._models = {name: dict(versions) for name, versions in models.items()}

    def lookup(self, spec):
        """The servable that a `ModelSpec` asks for, or `StatusError`, as in TensorFlow Serving."""
        if spec.label is not None:
            raise _unknown_label(spec.label)
        versions = self._models.get(spec.name, {})
        if spec.version is None and versions:
            return versions[max(versions)]
        if spec.version in versions:
            return versions[spec.version]
        wanted = (
            f"Latest({spec.name})"
            if spec.version is None
            else f"Specific({spec.name}, {spec.version})"
        )
        raise StatusError(Code.NOT_FOUND, f"Servable not found for request: {wanted}")

    def available(self, spec):
        """The versions of a model that can answer, latest first; one where `spec` names it."""
        if spec.label is not None:
            raise _unknown_label(spec.label)
        versions = self._models.get(spec.name, {})
        if spec.version is None:
            if not versions:
                raise StatusError(
                    Code.NOT_FOUND, f"Could not find any versions of model {spec.name}"
                )
            return sorted(versions, reverse=True)
        if spec.version not in versions:
            raise StatusError(
                Code.NOT_FOUND, f"Could not find version {spec.version} of model {spec.name}"
            )
        return [spec.version]

    def close(self):
        """Frees every servable; nothing can be looked up afterwards."""
        models, self._models = self._models, {}
        for versions in models.values():
            for servable in versions.values():
                servable.close()


def _unknown_label(label):
    return invalid_argument(f"Unrecognized servable version label: {label}")
