"""Groups places whose names would give each other away."""

import collections
import re

from kgkeras.datasets.geography import facts

# A word in more names than this tells a kind of thing ("castle", "port"), not a place.
_COMMON = 4


def families_by_name(places):
    """Groups places that share an uncommon word of their names, directly or through others.

    Args:
        places: Identifiers of entities, without repetition.

    Returns:
        A list of lists of identifiers, each place in one of them; the order depends on `places`
        alone.
    """
    spoken = facts.spoken_names()
    sharing = collections.defaultdict(list)
    for place in places:
        for word in dict.fromkeys(re.findall("[a-z]{4,}", facts.plain(spoken[place]).lower())):
            sharing[word].append(place)
    family = {place: [place] for place in places}
    for namesakes in sharing.values():
        if len(namesakes) <= _COMMON:
            for place in namesakes[1:]:
                _join(family, namesakes[0], place)
    return list({id(members): members for members in family.values()}.values())


def _join(family, first, second):
    members = family[first]
    if family[second] is not members:
        for place in family[second]:
            members.append(place)
            family[place] = members
