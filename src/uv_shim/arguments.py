"""uv's command line: how do the words of one `uv pip install` or `uv pip sync` read, and how are they put together again?

Which options take a value is known for all releases that need sealing (a test reads it off their ``--help``); every other word that
starts with a dash is a flag.
"""

from __future__ import annotations

#: Options that may also stand before ``pip`` or before ``install``. The router knows the same ones.
GLOBAL_VALUES = frozenset(
    "--allow-insecure-host --trusted-host --cache-dir --color --config-file --directory --project --preview-features "
    "--preview-feature --python-preference --python-fetch --cert".split()
)

_LONG_VALUES = GLOBAL_VALUES | frozenset(
    "--requirements --editable --constraints --overrides --excludes --build-constraints --extra --group --index "
    "--default-index --index-url --extra-index-url --find-links --index-strategy --keyring-provider --upgrade-package "
    "--upgrade-group --resolution --prerelease --prerelease-package --fork-strategy --exclude-newer --exclude-newer-package "
    "--config-setting --config-settings-package --link-mode --refresh-package --reinstall-package "
    "--no-build-isolation-package --no-sources-package --no-editable-package --no-binary --only-binary --python "
    "--python-version --python-platform --target --prefix --torch-backend --output-format "
    "--client-cert --config --pip-args --python-executable".split()
)

_SHORT = {
    "r": "--requirements", "c": "--constraints", "e": "--editable", "b": "--build-constraints", "f": "--find-links",
    "i": "--index-url", "p": "--python", "C": "--config-setting", "P": "--upgrade-package", "t": "--target",
}  # fmt: skip

_SHORT_FLAGS = {"q": "--quiet", "v": "--verbose", "n": "--no-cache", "U": "--upgrade", "h": "--help", "V": "--version"}

#: Other spellings of the same option.
_ALIASES = {
    "--requirement": "--requirements", "--constraint": "--constraints", "--override": "--overrides", "--exclude": "--excludes",
    "--build-constraint": "--build-constraints", "--config-settings": "--config-setting",
    "--config-setting-package": "--config-settings-package", "--trusted-host": "--allow-insecure-host",
    "--preview-feature": "--preview-features", "--no-cache-dir": "--no-cache",
}  # fmt: skip

VALUES = _LONG_VALUES | frozenset(name for name, same in _ALIASES.items() if same in _LONG_VALUES)

#: What the query needs of the caller's options to ask the same indexes for the same files.
_ASKS_THE_INDEX = frozenset(
    "--index --default-index --index-url --extra-index-url --find-links --no-index --index-strategy --keyring-provider "
    "--torch-backend --exclude-newer --exclude-newer-package --no-binary --only-binary --no-build --build --prerelease "
    "--prerelease-package --pre "
    "--python --python-version --python-platform --system --no-system "
    "--allow-insecure-host --cache-dir --no-cache --config-file --no-config --isolated --directory --project "
    "--python-preference --managed-python --no-managed-python "
    "--native-tls --no-native-tls --system-certs --no-system-certs --offline --no-offline "
    "--preview --no-preview --preview-features".split()
)

#: What would make uv's account of a dry run unreadable.
_PRESENTATION = frozenset("--quiet --verbose --color --no-progress --dry-run".split())

#: Options whose value is a file that uv reads, or standard input; and the variables that stand for them.
FILE_OPTIONS = ("--requirements", "--constraints", "--overrides", "--excludes", "--build-constraints")
FILE_VARIABLES = {"UV_CONSTRAINT": "--constraints", "UV_OVERRIDE": "--overrides", "UV_EXCLUDE": "--excludes",
                  "UV_BUILD_CONSTRAINT": "--build-constraints"}

#: Variables that name files which each run of uv reads; and those that stand for `--directory` in later releases.
READ_BY_EACH = ("UV_CONFIG_FILE", "NETRC", "SSL_CERT_FILE", "SSL_CLIENT_CERT")
WORKING_DIRECTORY = ("UV_WORKING_DIR", "UV_WORKING_DIRECTORY")

_REFRESH = frozenset(("--refresh", "--refresh-package"))


class Word:
    """One option with its value, one flag, or one plain word; ``text`` are the arguments it was written in."""

    def __init__(self, text: tuple[str, ...], name: str | None, value: str | None) -> None:
        self.text = text
        #: Canonical long name; None for what is not an option.
        self.name = name
        #: Value of an option; a plain word itself; None for a flag.
        self.value = value


class CommandLine:
    """The arguments of one ``uv … pip … install …`` (or ``sync``), in order; ``at`` is the place of the subcommand."""

    def __init__(self, arguments: list[str], at: int) -> None:
        self.arguments = arguments
        #: How many arguments stand up to and with ``install`` or ``sync``.
        self.at = at
        self.command = arguments[at - 1]
        self.before = _read(arguments[: at - 1])
        self.after = _read(arguments[at:])

    @classmethod
    def parse(cls, arguments: list[str]) -> CommandLine | None:
        """Read ``arguments``; None where they are no call of ``pip install`` or ``pip sync``."""
        seen = 0
        for word, end in _places(arguments):
            if word.name == "--":
                return None
            if word.name is None:
                if (seen, word.value) == (0, "pip"):
                    seen = 1
                elif seen and word.value in ("install", "sync"):
                    return cls(arguments, end)
                else:
                    return None
        return None

    @property
    def words(self) -> list[Word]:
        return self.before + self.after

    def has(self, *names: str) -> bool:
        """Whether one of those options (canonical names) was given."""
        return any(word.name in names for word in self.words)

    def turns_on(self, name: str) -> bool:
        """Whether the last of ``--name`` and ``--no-name`` is the former."""
        given = [word.name for word in self.words if word.name in (name, f"--no-{name[2:]}")]
        return given[-1:] == [name]

    def values(self, *names: str) -> list[str]:
        """Values given for those options, in order; empty values count."""
        return [word.value for word in self.words if word.name in names and word.value is not None]

    def plain(self) -> list[str]:
        """What is not an option: the requirements, or files, that were named."""
        return [word.value for word in self.after if word.name is None and word.value is not None]

    def names_files(self, environ: dict[str, str]) -> bool:
        """Whether there are files to be looked at before uv is called."""
        return self.command == "sync" or self.has(*FILE_OPTIONS, "--config-file", "--group") or any(
            map(environ.get, (*FILE_VARIABLES, *READ_BY_EACH, *WORKING_DIRECTORY)))

    def with_options(self, *options: str) -> list[str]:
        """The caller's arguments, unchanged and in order, with ``options`` added right behind the subcommand."""
        return [*self.arguments[: self.at], *options, *self.arguments[self.at :]]

    def flagged(self, *options: str) -> list[str]:
        """The same with ``--verify-hashes``, which uv does not take twice, and those options."""
        return self.with_options(*self.verifying(), *options)

    def verifying(self) -> list[str]:
        """``--verify-hashes``, unless the caller has it."""
        return [] if self.has("--verify-hashes") else ["--verify-hashes"]

    @property
    def folder(self) -> str:
        """The folder in which uv looks for what has a relative path."""
        return (self.values("--directory") or ["."])[-1] or "."

    def with_cache(self, folder: str) -> CommandLine:
        """The same call with that cache instead of the caller's, or of none."""
        before, after = ([text for word in words if word.name not in ("--no-cache", "--cache-dir") for text in word.text]
                         for words in (self.before, self.after))
        return CommandLine([*before, self.command, "--cache-dir", folder, *after], len(before) + 1)

    def rehearsal(self, *options: str, refresh: bool) -> list[str]:
        """Arguments of the same call as a dry run whose account can be read; without ``refresh``, from what was just fetched."""
        left_out = _PRESENTATION if refresh else _PRESENTATION | _REFRESH
        if self.has("--quiet") and self.has("--verbose"):
            left_out -= {"--quiet"}  # uv refuses the two together, and so should the dry run
        command: list[str] = []
        for word in self.before:
            if word.name not in left_out:
                command.extend(word.text)
        command += [self.command, "--dry-run", "-v", *options]
        for word in self.after:
            if word.name not in left_out:
                command.extend(word.text)
        return command

    def query(self, *options: str, python: str | None = None, offline: bool = False) -> list[str]:
        """Arguments of a ``pip compile`` that asks the same indexes, for that Python; its requirements come on standard input."""
        command = ["pip", "compile", "-", *options, *(("--python", python) if python else ())]
        if offline and not self.has("--offline"):
            command.append("--offline")
        if self.command == "sync":
            command.append("--prerelease=allow")  # as there; versions are exact
        for word in self.words:
            if word.name in _ASKS_THE_INDEX and not (python and word.name == "--python"):
                command.append(word.name if word.value is None else f"{word.name}={word.value}")
        return command


def _read(arguments: list[str]) -> list[Word]:
    return [word for word, _ in _places(arguments)]


def _places(arguments: list[str]) -> list[tuple[Word, int]]:
    """Words with the number of arguments read once they are; a cluster gives one word a letter."""
    words: list[tuple[Word, int]] = []
    place = 0
    while place < len(arguments):
        argument = arguments[place]
        place += 1
        following = arguments[place] if place < len(arguments) else None
        if argument == "--":
            words.append((Word((argument,), "--", None), place))
            words += [(Word((rest,), None, rest), place + n + 1) for n, rest in enumerate(arguments[place:])]
            break
        if argument.startswith("--"):
            name, equals, value = argument.partition("=")
            canonical = _ALIASES.get(name, name)
            if equals:
                words.append((Word((argument,), canonical, value), place))
            elif name in VALUES and following is not None:
                place += 1
                words.append((Word((argument, following), canonical, following), place))
            else:
                words.append((Word((argument,), canonical, None), place))
        elif argument.startswith("-") and argument != "-":
            cluster = _cluster(argument, following)
            if len(cluster[-1].text) > 1:
                place += 1
            words += [(word, place) for word in cluster]
        else:
            words.append((Word((argument,), None, argument), place))
    return words


def _cluster(argument: str, following: str | None) -> list[Word]:
    """Words of ``-Ur f``, ``-Urf``, ``-r=f``: one a letter, each spelled so that it can stand alone."""
    words = []
    letters = argument[1:]
    for position, letter in enumerate(letters):
        name = _SHORT.get(letter)
        if name is None:
            words.append(Word((f"-{letter}",), _SHORT_FLAGS.get(letter, f"-{letter}"), None))
            continue
        rest = letters[position + 1 :]
        if rest:
            words.append(Word((f"-{letter}{rest}",), name, rest[1:] if rest.startswith("=") else rest))
        elif following is not None:
            words.append(Word((f"-{letter}", following), name, following))
        else:
            words.append(Word((f"-{letter}",), name, None))
        break
    return words
