"""The pins: what does uv have to be told for each file that it is about to download, and what stays unsealed?"""

from __future__ import annotations

from uv_shim import preflight
from uv_shim.hashes import Pin
from uv_shim.inputs import Inputs
from uv_shim.places import is_local
from uv_shim.plan import Change, Plan
from uv_shim.preflight import Preflight


def pins(ask: Preflight, inputs: Inputs, installs: list[Change], plan: Plan, *, enforce: bool) -> tuple[list[Pin], dict[str, str]]:
    """Pins for what uv would download from an index, and the names that cannot be sealed, with the reason."""
    unsealed: dict[str, str] = {}
    pins: list[Pin] = []
    wanted: list[tuple[str, str]] = []
    urls: dict[str, str] = {}
    for change in installs:
        if ask.has_own_hash(change.url) if change.url else inputs.has_hash(change.name, change.version):
            continue  # the user's own hash: uv checks it and keeps it
        if change.url.startswith(("http://", "https://")):
            pin = preflight.pin_by_url(change.name, change.url)
            if pin:
                pins.append(pin)
            else:
                urls[change.name] = change.url
        elif change.url.startswith("git+"):
            unsealed[change.name] = preflight.NO_COMMIT
        elif not change.url:
            wanted.append((change.name, change.version))
    # From a local folder, nothing is downloaded.
    wanted = [key for key in wanted if not ask.places.is_here(plan.selected.get(key, ""))]
    ask.ask_hashes([key for key in wanted if not ask.advertised.knows(*key)], plan)
    for name, version in wanted:
        filename = plan.selected.get((name, version), "")
        digests = ask.advertised.of(name, version, filename)
        if enforce and not digests:
            digests = inputs.conditional_digests(name, version)
        url = ask.advertised.urls.get(filename, "")
        if url and not url.startswith("http"):
            continue  # a local folder that a setting names
        if digests:
            pins.append(Pin(name, version, digests))
        elif not url and is_local(ask.places.configured_folders(), "", filename):
            continue  # the same, of a uv that tells no URL
        elif ask.advertised.knows(name, version):
            unsealed[name] = f"the index has no hash for {filename or version}"
        else:
            unsealed[name] = "uv did not tell what the index advertises"
    for pin in pins[:]:
        builds = ask.build_requirements.get(pin.name, set())
        if pin.version in builds and len(builds) > 1:
            pins.remove(pin)  # one constraint cannot hold for all of them
            unsealed[pin.name] = "builds need it too, and in another version as well"
    if urls and enforce:
        unsealed.update(dict.fromkeys(urls, preflight.UNHASHED_URL))
    elif urls:
        unhashed = ask.hash_urls(urls, plan.python)
        unsealed.update(dict.fromkeys(unhashed, "a direct URL whose hash could not be kept"))
    return pins, unsealed


def agreed(ask: Preflight, plan: Plan, pins: list[Pin]) -> tuple[list[Pin], dict[str, str]]:
    """Those pins under which uv comes to the same plan, and the names left out, with the reason."""
    rehearsed = ask.rehearse(plan, pins)
    unhashed = rehearsed.uncached - plan.uncached
    dropped: dict[str, str] = {}
    for pin in pins:
        key = (pin.name, pin.version)
        if key in plan.selected and rehearsed.selected.get(key, plan.selected[key]) != plan.selected[key]:
            dropped[pin.name] = f"the index has no hash for {plan.selected[key]}"
        elif key in unhashed and ask.places.is_offline():
            dropped[pin.name] = "the cache holds it without its hash, and the network is disabled"
    return [pin for pin in pins if pin.name not in dropped], dropped
