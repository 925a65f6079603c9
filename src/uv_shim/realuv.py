"""The one door to the real uv: run it and read what it says, or become it."""

from __future__ import annotations

import _signal
import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    import select
    from collections.abc import Callable
    from typing import ClassVar

    from uv_shim.guard import Guard
    from uv_shim.spinner import Spinner

#: What would mix other lines into uv's account of a dry run, colour it, or contradict `--verify-hashes`.
_NOISE = ("UV_LOG_CONTEXT", "FORCE_COLOR", "CLICOLOR_FORCE", "UV_NO_VERIFY_HASHES", "UV_SHIM_TRACE")

#: Signals that end a process which does not handle them, and not only for a fault of its own.
_STOPS = [getattr(_signal, f"SIG{name}") for name in ("INT", "TERM", "HUP", "QUIT", "ALRM", "USR1", "USR2", "XCPU")]

#: What of uv's log is read: its choices, and which index it asks for which name. What quotes metadata is left out, as anybody may
#: have written it; of locks on files, nothing is read.
_LOG = "uv=debug,uv_fs=off,uv_pypi_types=off,uv_client::registry_client=trace"


#: How lines of the log begin, and what goes on from one that had a cause.
_LEVELS = ("DEBUG ", "TRACE ", "INFO ", "WARN ")
_CAUSE = "  Caused by: "

#: What uv logs before it starts a helper (`keyring`), which may have to tell a person how to sign in, and wait for it; and how words
#: of uv's own begin that come after a helper's.
_HELPER = "DEBUG Checking keyring for credentials "
_OWN = ("error: ", "warning: ", "  \xd7 ", "Resolved ", "Audited ", "   Building ", "      Built ")

#: In uv's last words where a server gave no answer (`reqwest`), or said that it has failed.
_NO_ANSWER = ("error sending request for url (", "HTTP status server error (")

#: How uv begins where requirements contradict each other, or nothing fits them; what follows may be on another line.
_NO_SOLUTION = "No solution found when resolving"


class Output:
    """What a run of uv said: exit code (negative: the signal that ended it), standard output and error, without colours."""

    def __init__(self, code: int, stdout: str, stderr: str, stopped: str | None = None) -> None:
        self.code = code
        self.stdout = stdout
        self.stderr = _plain(stderr)
        self._coloured = stderr
        #: The line at which the run was stopped on purpose, if it was.
        self.stopped = stopped

    @property
    def is_final(self) -> bool:
        """Whether uv would say the same once more: no solution, or no server that answers."""
        if self.code == 1:
            return _NO_SOLUTION in self.error()
        return self.code == 2 and any(text in self.stderr.rpartition("\nerror: ")[2] for text in _NO_ANSWER)

    def words(self) -> str:
        """uv's own words, in its colours: standard error less its log."""
        words = ""
        log = False
        for line, coloured in zip(self.stderr.splitlines(), self._coloured.splitlines(keepends=True)):
            # A line of the log may go on in lines that are set in.
            log = line.startswith(_LEVELS) or (log and line.startswith(_CAUSE))
            if not log:
                words += coloured
        return words

    def error(self) -> str:
        """uv's own words of what went wrong, without colours."""
        return _plain(self.words())


def _plain(text: str) -> str:
    """The text without colours: uv colours parts of its log even where they are off."""
    if "\033" not in text:
        return text
    head, *rest = text.split("\033[")
    for part in rest:
        code, ended, tail = part.partition("m")
        head += tail if ended and (not code or code.replace(";", "").isdecimal()) else f"\033[{part}"
    return head


class PrivateFile:
    """A file without a name: nobody else can open it, and nobody has to remove it."""

    #: What uv may be told to read by a path.
    written: ClassVar[list[PrivateFile]] = []

    def __init__(self, text: bytes) -> None:
        self.fd = out_of_the_way(_nameless())
        self.write(text)

    def write(self, text: bytes) -> None:
        if text and self not in self.written:
            self.written.append(self)
        view = memoryview(text)
        while view:
            view = view[posix.write(self.fd, view) :]

    @property
    def path(self) -> str:
        """Path under which this process, and what it becomes or starts, can read the file from its start."""
        return f"/proc/self/fd/{self.fd}" if _opens_anew() else f"/dev/fd/{self.fd}"

    def rewind(self) -> None:
        posix.lseek(self.fd, 0, 0)

    def close(self) -> None:
        posix.close(self.fd)
        if self in self.written:
            self.written.remove(self)


def _opens_anew() -> bool:
    return posix.access("/proc/self/fd", posix.X_OK)


def _rewind_written() -> None:
    for file in [] if _opens_anew() else PrivateFile.written:
        file.rewind()


def out_of_the_way(fd: int) -> int:
    """The same file under the highest free number up to 1000, for uv to inherit: scripts take low ones for themselves."""
    for number in range(min(1000, posix.sysconf("SC_OPEN_MAX") - 1), fd, -1):
        try:
            posix.fstat(number)
        except OSError:
            posix.dup2(fd, number)
            posix.close(fd)
            return number
    posix.set_inheritable(fd, True)
    return fd


def _nameless() -> int:
    try:
        return posix.memfd_create("uv-shim", 0)
    except (AttributeError, OSError):
        # A Python, kernel or sandbox without it.
        pass
    try:
        return posix.open(posix.environ.get(b"TMPDIR") or b"/tmp", posix.O_TMPFILE | posix.O_RDWR, 0o600)
    except (AttributeError, OSError):
        # A filesystem without it.
        pass
    import tempfile

    fd, name = tempfile.mkstemp(prefix="uv-shim-")
    posix.unlink(name)
    return fd


class RealUv:
    """The real uv at ``path``, called with the caller's environment."""

    #: Signals that the caller ignores, and this process cannot while it waits for uv.
    ignored: ClassVar[list[int]] = []

    def __init__(self, path: str, environ: dict[str, str], tidy: Callable[[], None] | None = None) -> None:
        self.path = path
        self.environ = environ
        #: Runs that have not been waited for.
        self.running: list[Run] = []
        #: What is to be done where this process is told to stop while uv runs.
        self._tidy = tidy

    def start(self, arguments: list[str], *, stdin: PrivateFile | None = None, environ: dict[str, str] | None = None,
              watched: bool = False, ahead: bool = False, requests: bool = False) -> Run:
        """Start uv with those arguments.

        Args:
            watched: its standard error is read while it runs.
            ahead: what it is to read on its standard input is said later.
            requests: each request is in its log.
        """
        given = self.environ if environ is None else environ
        environ = {key: value for key, value in given.items() if key not in _NOISE}
        # A copy of the shim behind this one (past another manager's shim, say) passes its parent's preflight on untouched. What uv's
        # build hooks call is no preflight, and is held to the caller's own mode.
        environ["UV_SHIM_PREFLIGHT"] = str(posix.getpid())
        # Its words may be passed on.
        environ["CLICOLOR_FORCE" if watched and shows_colours(environ) else "NO_COLOR"] = "1"
        environ["RUST_LOG"] = f"{_LOG},uv_auth::middleware=trace" if requests else _LOG
        return Run(self, arguments, environ, stdin, watched=watched, ahead=ahead)

    def run(self, arguments: list[str], *, stdin: PrivateFile | None = None, environ: dict[str, str] | None = None) -> Output:
        """Run uv to its end."""
        return self.start(arguments, stdin=stdin, environ=environ).finish()

    def heed_stops(self) -> None:
        """Pass on what this process is told from now on; what the caller ignores stays so."""
        for number in _STOPS:
            if _signal.getsignal(number) != _signal.SIG_IGN:
                _signal.signal(number, self.told_to_stop)

    def told_to_stop(self, number: int, _frame: object) -> None:
        """Pass a signal on to what runs, and end by it."""
        import time

        told = []
        while self.running:
            run = self.running.pop()
            try:
                posix.kill(run.pid, number)
                told.append(run.pid)
            except OSError:
                # It has just ended by itself.
                pass
        tries = 40
        # A short wait, for what is not waited for stays a zombie where the first process of a container does not do it.
        try:
            for pid in told:
                while not posix.waitpid(pid, 0 if self._tidy else posix.WNOHANG)[0] and tries:
                    tries -= 1
                    time.sleep(0.005)
        except OSError:
            pass
        if self._tidy:
            self._tidy()
        _signal.signal(number, _signal.SIG_DFL)
        posix.kill(posix.getpid(), number)
        # The first process of a container is not ended by it.
        posix._exit(128 + number)  # noqa: SLF001

    def become(self, arguments: list[str], environ: dict[str, str]) -> None:
        """Replace this process by uv; does not return.

        Raises:
            OSError: the binary cannot be run.
        """
        _rewind_written()
        for number in (_signal.SIGPIPE, getattr(_signal, "SIGXFSZ", None)):
            if number is not None:
                # Python ignores them, and that would be inherited.
                _signal.signal(number, _signal.SIG_DFL)
        for number in self.ignored:
            _signal.signal(number, _signal.SIG_IGN)
        for number in _STOPS:
            if _signal.getsignal(number) != _signal.SIG_IGN:
                # One that Python only notes down now would be lost.
                _signal.signal(number, _signal.SIG_DFL)
        posix.execve(self.path, [self.path, *arguments], environ)


def is_true(value: str) -> bool:
    """Whether uv takes the value of a variable for a yes."""
    return value.lower() in ("1", "true", "yes", "on", "t", "y")


def knows_width() -> bool:
    """Whether a watched run, which has only its standard input on the terminal, wraps its words where uv would."""
    return posix.isatty(0) or not (posix.isatty(1) or posix.isatty(2))


def shows_colours(environ: dict[str, str]) -> bool:
    """Whether uv would colour what it says on this standard error (as its crate `anstream` decides)."""
    return posix.isatty(2) and not environ.get("NO_COLOR") and environ.get("CLICOLOR") != "0" and environ.get("TERM", "dumb") != "dumb"


class Run:
    """A uv that was started. It is stopped when this process is told to stop."""

    def __init__(self, uv: RealUv, arguments: list[str], environ: dict[str, str], stdin: PrivateFile | None, *, watched: bool,
                 ahead: bool) -> None:
        _rewind_written()
        self._running = uv.running
        self._stdout = PrivateFile(b"")
        self._stderr: PrivateFile | None = None
        self._guard: Guard | None = None
        #: A build hook could not be answered, and the run was ended.
        self.lost = False
        #: A helper may be speaking.
        self._helped = False
        self._reader = -1
        self._input = -1
        closed = []
        actions: list[tuple[int, int, int] | tuple[int, int, str, int, int] | tuple[int, int]] = []
        if ahead:
            reader, self._input = posix.pipe()
            closed.append(reader)
            actions.append((posix.POSIX_SPAWN_DUP2, reader, 0))
        elif stdin is None:
            # A watched run has the caller's terminal, for its width; uv itself reads nothing there.
            if not (watched and posix.isatty(0)):
                actions.append((posix.POSIX_SPAWN_OPEN, 0, "/dev/null", posix.O_RDONLY, 0))
        else:
            stdin.rewind()
            if stdin.fd != 0:
                actions.append((posix.POSIX_SPAWN_DUP2, stdin.fd, 0))
        actions.append((posix.POSIX_SPAWN_DUP2, self._stdout.fd, 1))
        if watched:
            from uv_shim.guard import Guard

            self._guard = Guard()
            environ = self._guard.environment(environ)
            self._reader, writer = posix.pipe()
            closed.append(writer)
            posix.set_blocking(self._reader, False)
            actions.append((posix.POSIX_SPAWN_DUP2, writer, 2))
        else:
            self._stderr = PrivateFile(b"")
            actions.append((posix.POSIX_SPAWN_DUP2, self._stderr.fd, 2))
        ignored_by_python = [n for n in (_signal.SIGPIPE, getattr(_signal, "SIGXFSZ", None)) if n is not None]
        if _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL) == _signal.SIG_IGN:
            # There would be no child to wait for.
            uv.ignored.append(_signal.SIGCHLD)
        # Told to stop while uv is being started, this process would end and uv go on.
        before = _signal.pthread_sigmask(_signal.SIG_BLOCK, _STOPS)
        try:
            self.pid = posix.posix_spawn(uv.path, [uv.path, *arguments], environ, file_actions=actions, setsigmask=before,
                                      setsigdef=ignored_by_python)
            self._running.append(self)
            uv.heed_stops()
        finally:
            _signal.pthread_sigmask(_signal.SIG_SETMASK, before)
            if self._guard:
                self._guard.started()
            for fd in closed:
                posix.close(fd)

    def say(self, text: bytes) -> None:
        """All that a run that was started ahead is to read."""
        view = memoryview(text)
        try:
            while view:
                view = view[posix.write(self._input, view) :]
        except OSError:
            # It has ended already, and its words tell why.
            pass
        self._end_input()

    def _end_input(self) -> None:
        if self._input >= 0:
            posix.close(self._input)
            self._input = -1

    def end(self) -> None:
        """Let it end where that is near, for uv tidies up after itself; kill it where it may resolve for long."""
        if self._guard:
            self.kill()
        else:
            self.finish()

    def finish(self, stop_at: Callable[[str], bool] | None = None, spinner: Spinner | None = None, *, linger: int = 0) -> Output:
        """Wait for the end; a watched run is killed at the first line for which ``stop_at(line)`` is true.

        Before that, it may go on until it says nothing for ``linger`` milliseconds.

        No build hook of a watched run begins before all that uv has written by then was looked at.
        """
        stopped = None
        self._end_input()
        if self._guard:
            stderr, stopped = self._watch(self._guard, stop_at or (lambda _: False), spinner, linger)
        _, status = posix.waitpid(self.pid, 0)
        self._running.remove(self)
        if self._stderr is not None:
            stderr = _contents(self._stderr)
        return Output(
            -posix.WTERMSIG(status) if posix.WIFSIGNALED(status) else posix.WEXITSTATUS(status),
            _contents(self._stdout).decode("utf-8", "replace"),
            stderr.decode("utf-8", "replace"),
            stopped,
        )

    def kill(self) -> None:
        """End it, whatever it has said."""
        self._end_input()
        posix.kill(self.pid, 9)
        posix.waitpid(self.pid, 0)
        self._running.remove(self)
        # What stays open, uv inherits.
        self._stdout.close()
        if self._stderr:
            self._stderr.close()

    def _watch(self, guard: Guard, stop_at: Callable[[str], bool], spinner: Spinner | None, linger: int) -> tuple[bytes, str | None]:
        """Standard error to its end, and the line at which the run was killed."""
        import select

        try:
            process = posix.pidfd_open(self.pid)
        except (AttributeError, OSError):
            # A Python, kernel or sandbox without it.
            process = -1
        poll = _polling(self._reader, guard.fd, process)
        patience = 0
        stopped = None
        stderr = bytearray()
        seen = 0
        ended = False
        while not ended:
            ready = dict(poll.poll(patience or (spinner.turn() if spinner else None)))
            # First who asks, then all that was written: what a hook's beginning depends on was written before it asked.
            asked = guard.asked() if guard.fd in ready else []
            if ready.get(guard.fd, 0) & select.POLLHUP:
                poll.unregister(guard.fd)
            ended = _drain_into(stderr, self._reader) or (patience > 0 and not ready)
            if process in ready:
                # A shell may pipe uv's words through another process, and a helper of uv's may have left one behind: after so many
                # milliseconds without a word, nothing more is expected.
                poll = _polling(self._reader)
                patience = 500
            if stopped or self.lost:
                continue
            # What it said may be a prompt.
            spinner = None if self._pass_on(stderr, seen, spinner) else spinner
            end = stderr.rfind(b"\n") + 1
            lines = _plain(stderr[seen:end].decode("utf-8", "replace")).split("\n")
            seen = max(seen, end)
            stopped = next((line for line in lines if stop_at(line)), None)
            if not stopped and (guard.allow(asked, self.pid) or ended or patience):
                continue
            self.lost = not stopped
            while linger and not ended and _polling(self._reader).poll(linger):
                ended = _drain_into(stderr, self._reader)
            guard.end(self.pid)
            posix.kill(self.pid, 9)
            # Where this was a program that has uv as its child, uv goes on: its hooks end by this, and it by them.
            guard.close()
            poll = _polling(self._reader, process)
        posix.close(self._reader)
        if process >= 0:
            posix.close(process)
        if not (stopped or self.lost):
            guard.close()
        return bytes(stderr), stopped


    def _pass_on(self, stderr: bytearray, start: int, spinner: Spinner | None) -> bool:
        """Say at once what a helper has said from ``start`` on, and take it out; whether there was any."""
        new = stderr[start:]
        if not self._helped and _HELPER[6:].encode() not in new:
            return False
        del stderr[start:]
        said = b""
        for line in new.splitlines(keepends=True):
            text = _plain(line.decode("utf-8", "replace"))
            if any(begin.startswith(text) for begin in (*_OWN, *_LEVELS, _CAUSE)):
                # Too little of a line by now to tell whose it is.
                stderr += line
                continue
            self._helped = text.startswith(_HELPER) or (self._helped and not text.startswith(_OWN))
            if self._helped and not text.startswith((*_LEVELS, _CAUSE)):
                said += line
            else:
                stderr += line
        if said and spinner:
            spinner.erase()
        try:
            posix.write(2, said)
        except OSError:
            # Nobody listens.
            pass
        return bool(said)


def _polling(*fds: int) -> select.poll:
    import select

    poll = select.poll()
    for fd in fds:
        if fd >= 0:
            poll.register(fd, select.POLLIN)
    return poll


def _drain_into(text: bytearray, fd: int) -> bool:
    while True:
        try:
            chunk = posix.read(fd, 65536)
        except BlockingIOError:
            return False
        if not chunk:
            return True
        text += chunk


def _contents(file: PrivateFile) -> bytes:
    file.rewind()
    text = drain(file.fd)
    file.close()
    return text


def drain(fd: int) -> bytes:
    """All that can be read from ``fd``, to its end."""
    text = b""
    while True:
        chunk = posix.read(fd, 1 << 20)
        if not chunk:
            return text
        text += chunk
