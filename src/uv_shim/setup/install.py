"""The story of an install: what is to be done is found out first, then said or done, each step written into the receipt before."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from uv_shim import __version__, config
from uv_shim.errors import ShimError
from uv_shim.setup import layout as layouts
from uv_shim.setup import provision, release, sources, startfiles
from uv_shim.setup import receipt as receipts
from uv_shim.setup.layout import Layout
from uv_shim.setup.receipt import File, Line, Receipt
from uv_shim.setup.sources import Sources
from uv_shim.setup.startfiles import CannotEdit
from uv_shim.setup.workplace import locked, temporary


class Wishes(NamedTuple):
    """What was asked for."""

    prefix: str | None = None
    system: bool = False
    modify_path: bool = True
    dry_run: bool = False


class Step(NamedTuple):
    """One thing to be done, and how a dry run says it."""

    says: str
    do: Callable[[], None]


class Done(NamedTuple):
    """What came of it."""

    layout: Layout
    lines: list[str]


def run(wishes: Wishes, environ: Mapping[str, str]) -> Done:
    """Set up, or bring up to date, or repair, or say what there would be to do.

    Raises:
        ShimError: it cannot be done; nothing outside the prefix was touched.
    """
    from_here = sources.find()
    layout = layouts.at(wishes.prefix, environ, system=wishes.system, home=from_here.home)
    if layout.system:
        os.umask(0o022)
    with temporary() as folder:
        install = Install(layout, from_here, environ, folder)
        if wishes.dry_run:
            install.plan(modify_path=wishes.modify_path)
            return Done(layout, install.would())
        install.prepare()
        with install.begun():
            install.plan(modify_path=wishes.modify_path)
            for step in install.steps:
                step.do()
            install.clean_up()
    return Done(layout, install.report())


class Install:
    """One run; ``folder`` is for what is fetched."""

    def __init__(self, layout: Layout, from_here: Sources, environ: Mapping[str, str], folder: Path) -> None:
        self.layout = layout
        self.sources = from_here
        self.environ = environ
        self.folder = folder
        self.packages = folder / "packages"
        self.steps: list[Step] = []
        #: Things that the user should know, and files that have got the line.
        self.notes: list[str] = []
        self.touched: list[str] = []
        self.receipt = Receipt(layout)
        self.changed = False
        self.name = from_here.name
        self.whole = self._is_whole()
        self.found = provision.real_uv(environ, layout.uv / "bin" / "uv")
        self.uv = self.found or layout.uv / "bin" / "uv"
        # The receipt is TOML: what reads and writes it may be here, in what was set up before, or has to be fetched.
        self.can_read = not provision.lacks(provision.TOML, release.packages(layout))
        self._refuse_names()
        self._refuse_strangers()
        self._refuse_sudo()

    def _refuse_names(self) -> None:
        """The prefix was looked at by then; these are where start files and the cache are."""
        users = () if self.layout.system else ("HOME", "ZDOTDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
        for name in (*users, "GITHUB_PATH"):
            value = self.environ.get(name, "")
            try:
                told = os.fsencode(value).decode()
            except UnicodeDecodeError:
                raise ShimError(f"{name} is {value!a}: that is not UTF-8, and the receipt could not name what is there.",
                                "Nothing was done. Set it to another path for this call.", code=1) from None
            if told != value:
                raise ShimError(f"{name} is {told!a}, which this Python takes for {value!a} by its locale ({sys.getfilesystemencoding()}).",
                                "Nothing was done. Set PYTHONUTF8=1 for this call.", code=1)

    def _refuse_strangers(self) -> None:
        prefix = self.layout.prefix
        if os.path.lexists(prefix) and not os.path.isdir(prefix):
            raise ShimError(f"{prefix} is no folder. Nothing was done; name another one with --prefix.", code=1)
        cache = self._cache()
        ours = layouts.REMEMBERED if cache and os.path.realpath(cache) == os.path.realpath(prefix) else ()
        if os.path.isdir(prefix) and not self.layout.is_ours() and any(
                not path.name.endswith(layouts.NEW) and path.name not in ours for path in prefix.iterdir()):
            raise ShimError(f"{prefix} is not empty, and there is no receipt of uv-shim in it. Nothing was done; "
                            "name another folder with --prefix.", code=1)

    def _refuse_sudo(self) -> None:
        """With HOME kept (`sudo -E`), the folders and start files that are made in it would be root's, and its owner could not write them.

        The owner alone says nothing: on GitHub, root in a job's container has a HOME of another uid, which is its own all the same.
        """
        if self.layout.system or os.geteuid() or "SUDO_UID" not in self.environ or not self.environ.get("HOME"):
            return
        known = receipts.read(self.layout) if self.can_read else None
        home = Path(os.path.abspath(self.environ["HOME"]))
        there = next(folder for folder in (home, *home.parents) if os.path.exists(folder))
        owner = os.stat(there).st_uid
        if owner and not (known and known.layout.system):
            try:
                name = there.owner()
            except KeyError:
                name = f"the user {owner}"
            raise ShimError(f"HOME ({home}) belongs to {name}, and this runs as root.",
                            "Nothing was done. Run it without sudo, or with --system.", code=1)

    def _is_whole(self) -> bool:
        """Whether just these sources are set up, undamaged."""
        in_force = release.in_force(self.layout)
        return bool(in_force and release.is_whole(in_force, self.name, self.environ))

    # ---- Before anything is touched.

    def prepare(self) -> None:
        """Have all that comes from elsewhere.

        Raises:
            ShimError: it cannot be had; nothing was touched.
        """
        uv = self.uv
        if self.found is None:
            uv = provision.fetch_uv(self.folder / "uv", self.environ)
        if not self.whole or not self.can_read:
            provision.fetch_packages(self.sources.packages(), self.packages, uv, self.environ, self.sources.beside)
            why = provision.lacks(provision.TOML, self.packages)
            if why:
                raise ShimError(f"the packages that were fetched do not work with this Python ({provision.python()}): {why}.",
                                "Nothing was done. Install uv-shim with another Python.", code=1)
            self.can_read = True

    @contextmanager
    def begun(self) -> Iterator[None]:
        """The prefix is there and ours, and nobody else sets up there meanwhile.

        Raises:
            ShimError: it cannot be written.
        """
        prefix = self.layout.prefix
        try:
            if not self.layout.is_ours():
                self.receipt.begin()
            with locked(self.layout):
                yield
        except OSError as error:
            # Of a whole folder that could not be copied, Python lists each file: the first says why.
            why = error.args[0][0][-1] if isinstance(error, shutil.Error) else f"{error.filename or prefix}: {error.strerror or error}"
            if not self.layout.is_ours():
                then = "Run it as root, or leave --system out." if self.layout.system else "Name another folder with --prefix."
            elif self.layout.system and not os.access(prefix, os.W_OK):
                own = layouts.default(self.environ) or "DIR"
                then = f"That copy is everybody's, and root's. For this user alone: --prefix {own}; for everybody: as root, with --system."
            else:
                then = "Run it again when that is put right; what is there by now is in the receipt, and --uninstall takes it back."
            raise ShimError(f"cannot set up in {prefix}: {why}.", then, code=1) from None

    # ---- What there is to do.

    def plan(self, *, modify_path: bool) -> None:
        """Find out the steps."""
        if self.can_read:
            self.receipt = receipts.read(self.layout) or self.receipt
        if self.receipt.layout.system and not self.layout.system:
            self.layout = self.receipt.layout
            os.umask(0o022)
        self.receipt.layout = layout = self.layout
        # Another install may just have done it.
        self.whole = self.whole or self._is_whole()
        if self.whole and self.sources.home == release.in_force(layout):
            self.notes.append(f"this is the copy that is set up; to upgrade, run {self._other_command()}")
        if not self.layout.is_ours():
            self.step(f"make {layout.prefix}", lambda: None)
        if self.found is None:
            self.step(f"keep the uv that was fetched in {layout.uv}", self._keep_uv)
        cache = self._cache()
        if cache and layout.is_in(cache):
            # The folder does not go whole, as the receipt is in it.
            self.step("", lambda: self._inside(*layouts.REMEMBERED))
        elif cache and cache not in self.receipt.folders:
            self.step("", lambda: self._know_cache(cache))
        if not self.whole:
            name = release.free_name(layout, self.name)
            self.step(f"copy uv-shim {__version__} to {layout.releases / name}, with an environment for its command",
                      lambda: self._build(name))
            self.step(f"make it the one in force: {layout.current}", lambda: self._link(layout.current, f"releases/{name}"))
        elif self._text(layout.current / "real-uv") != f"{self.uv}\n":
            self.step(f"note the real uv: {self.uv}", self._note_uv)
        for path, target in ((layout.shims, "current/shims"), (layout.script, "current/install.sh")):
            if not path.is_symlink() or os.readlink(path) != target:
                self.step(f"make {path}", lambda path=path, target=target: self._link(path, target))  # type: ignore[misc]
        if self._text(layout.env) != layout.env_text:
            self.step(f"write {layout.env}", self._write_env)
        if modify_path:
            self._plan_path()

    def step(self, says: str, do: Callable[[], None]) -> None:
        self.steps.append(Step(says, do))

    def _plan_path(self) -> None:
        files = startfiles.wanted(self.layout, self.environ)
        if not files and not self.layout.system:
            self.notes.append("there is no home folder, so no start file of a shell was touched")
        for file in files:
            self._plan_line(file, self.layout.line)
        if self.layout.system:
            self._plan_file(Path("/etc/profile.d/uv-shim.sh"), self.layout.line + "\n", Path("/etc/profile"))
        fish = startfiles.fish(self.layout, self.environ)
        if fish:
            # It is read after all of those, and may put another uv first by itself.
            last = fish.parent.with_name("config.fish")
            self._plan_file(fish, self.layout.fish_line + "\n", None if os.path.isfile(last) else last)
            if os.path.isfile(last):
                self._plan_line(last, self.layout.fish_line)
        # GitHub Actions: each step has a file of its own, and PATH already tells what the steps before have added.
        github = self.environ.get("GITHUB_PATH")
        if github and str(self.layout.shims) not in self.environ.get("PATH", "").split(os.pathsep):
            self._plan_line(Path(github), str(self.layout.shims))

    def _plan_line(self, file: Path, text: str) -> None:
        known = next((line for line in self.receipt.lines if (line.file, line.text) == (str(file), text)), None)
        try:
            what = "add this line to it"
            line = known or startfiles.learn(file, text)
            if not startfiles.holds(line):
                startfiles.writable(line)
                self.step(f"add to {file}: {text}", lambda: self._add(startfiles.prepare(file, text), known))
                return
            if known is None:
                self.step("", lambda: self._know(line, None))
            if startfiles.is_overtaken(line):
                what = "what stands behind this line may put another uv first, so move it to the end"
                startfiles.writable(line)
                self.step(f"move to the end of {file}: {text}", lambda: self._move(line, what))
        except CannotEdit as error:
            self._by_hand(str(file), text, error, what)

    def _plan_file(self, path: Path, text: str, instead: Path | None) -> None:
        there = self._text(path)
        other = layouts.named_in(there or "")
        if (there is None and not os.path.lexists(path)) or (there != text and other and not other.is_ours()):
            self.step(f"write {path}: {text.rstrip()}", lambda: self._write_file(path, text))
        elif there != text:
            whose = f"belongs to what is set up in {other.prefix}" if other else "is not from here"
            self.notes.append(f"{path} is there already and {whose}: left alone")
            if instead:
                self.notes[-1] += f". To have the shim first all the same, add this line to {instead}: {text.rstrip()}"
        elif File(str(path), text) not in self.receipt.files:
            self.step("", lambda: self._know_file(File(str(path), text)))

    def _other_command(self) -> str:
        """What else may be set up from: the package that this copy came from, say, stands behind it on PATH."""
        for folder in self.environ.get("PATH", "").split(os.pathsep):
            command = folder and shutil.which("uv-shim", path=folder)
            if command and Path(os.path.realpath(self.layout.prefix)) not in Path(os.path.realpath(command)).parents:
                return f"the newer one by its path ({command} install), or its install.sh"
        return "install.sh of the newer one"

    @staticmethod
    def _text(path: Path) -> str | None:
        try:
            return os.fsdecode(path.read_bytes())
        except OSError:
            return None

    def _cache(self) -> str | None:
        """Where the shim keeps what it remembers of uv binaries; of all users, on a machine of many."""
        base = config.folder("XDG_CACHE_HOME", ".cache", self.environ)
        return None if self.layout.system or not base else os.path.join(base, "uv-shim")

    # ---- Doing it. The receipt comes first.

    def _inside(self, *names: str) -> None:
        self.receipt.inside += [name for name in names if name not in self.receipt.inside]
        self._save()

    def _save(self) -> None:
        self.receipt.version = __version__
        self.receipt.save()

    def _keep_uv(self) -> None:
        self._inside(self.layout.uv.name)
        new = self.layout.prefix / f".uv{layouts.NEW}"
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(self.folder / "uv", new)
        if self.layout.system:
            release.open_to_all(new)
        release.remove(self.layout.uv)
        os.rename(new, self.layout.uv)
        self.changed = True

    def _note_uv(self) -> None:
        layouts.write(self.layout.current / "real-uv", os.fsencode(f"{self.uv}\n"))
        self.changed = True

    def _know_cache(self, folder: str) -> None:
        self.receipt.directories += [str(path) for path in layouts.missing_folders(Path(folder).parent)]
        self.receipt.folders.append(folder)
        self._save()

    def _build(self, name: str) -> None:
        self._inside(self.layout.releases.name)
        self.layout.releases.mkdir(exist_ok=True)
        release.build(self.layout, name, self.sources, self.packages, self.uv)
        self.changed = True

    def _link(self, path: Path, target: str) -> None:
        self._inside(path.name)
        layouts.link(path, target)
        self.changed = True

    def _write_env(self) -> None:
        self._inside(self.layout.env.name)
        layouts.write(self.layout.env, os.fsencode(self.layout.env_text))
        self.changed = True

    def _know(self, line: Line, known: Line | None) -> None:
        if known:
            self.receipt.lines.remove(known)
        self.receipt.lines.append(line)
        self._save()

    def _add(self, line: Line, known: Line | None) -> None:
        self._know(line, known)
        try:
            startfiles.add(line)
        except CannotEdit as error:
            self.receipt.lines.remove(line)
            self._save()
            self._by_hand(line.file, line.text, error)
        else:
            self.touched.append(line.file)
            self.changed = True

    def _move(self, line: Line, what: str) -> None:
        try:
            startfiles.remove(line)
        except CannotEdit as error:
            self._by_hand(line.file, line.text, error, what)
        else:
            self._add(replace(startfiles.prepare(Path(line.file), line.text), created=line.created), line)

    def _by_hand(self, file: str, text: str, error: Exception, what: str = "add this line to it") -> None:
        self.notes.append(f"cannot write {file} ({error}); {what}: {text}")

    def _know_file(self, file: File) -> None:
        self.receipt.files.append(file)
        self._save()

    def _write_file(self, path: Path, text: str) -> None:
        new = [str(folder) for folder in layouts.missing_folders(path.parent)]
        self.receipt.directories += [folder for folder in new if folder not in self.receipt.directories]
        if File(str(path), text) not in self.receipt.files:
            self._know_file(File(str(path), text))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            layouts.write(path, os.fsencode(text))
        except OSError as error:
            self._by_hand(str(path), text.rstrip(), CannotEdit(error.strerror or str(error)))
        else:
            self.touched.append(str(path))
            self.changed = True

    def clean_up(self) -> None:
        """Remove what is not in force and not in use."""
        old = release.others(self.layout)
        if not old:
            return
        why = provision.lacks(("psutil",), release.packages(self.layout))
        if why:
            self.notes.append(f"{', '.join(map(str, old))} is kept, as it cannot be told who runs from it: {why}")
            return
        from uv_shim.setup import users

        for path, used in users.of(old, self.layout.prefix).items():
            if used:
                self.notes.append(f"{path} is kept: {', '.join(map(str, used))} runs from it. The next run removes it.")
            else:
                release.remove(path)

    # ---- Saying it.

    def would(self) -> list[str]:
        """What a dry run says."""
        says = [step.says for step in self.steps if step.says]
        lines = [f"would {text}" for text in says] if says else [f"{self.layout.prefix} is set up: there is nothing to do"]
        if self.found is None and not self.layout.uv.exists():
            lines.insert(0, "would fetch a uv from the package index, as there is none on PATH")
        return [*lines, *self.notes]

    def report(self) -> list[str]:
        """What has become of it, and what to type now."""
        layout = self.layout
        lines = [f"set up in {layout.prefix} (uv-shim {__version__})" if self.changed
                 else f"already set up in {layout.prefix} (uv-shim {__version__}): nothing has changed"]
        lines.append(f"the real uv is the next one on PATH, or else {self.uv}")
        if self.touched:
            lines.append(f"added to PATH in {', '.join(self.touched)}")
        lines += self.notes
        now = f'set -gx PATH "{layout.shims}" $PATH' if self.environ.get("SHELL", "").endswith("fish") else f'. "{layout.env}"'
        lines.append(f"type now: {now}  (a new shell does it by itself, if PATH was set up for it; `uv-shim doctor` looks)")
        if layout.system:
            lines.append(f"an image needs this, as its next RUN reads no start files: ENV PATH={layout.shims}:$PATH")
        return lines
