//! Files that the user names: what is read is remembered, so that nothing is written over it, and paths are
//! compared by what they lead to, not by how they are written.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::Context;
use rustix::event::{PollFd, PollFlags, poll};

use super::args::shown;

/// What a path leads to. Two that are equal are one file, however they are written: by other directories, symbolic
/// links or hard links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A file that is there.
    There {
        /// Of its file system.
        device: u64,
        /// Of the file in it.
        inode: u64,
    },
    /// None yet: a name in a directory that is there.
    New {
        /// Those of the directory.
        directory: (u64, u64),
        /// In it.
        name: OsString,
    },
    /// A device that keeps nothing, as `/dev/null`: what is written there meets nothing else.
    Nowhere,
}

/// An input that was read.
#[derive(Clone, Debug)]
pub(super) struct Input {
    /// The flag that names it.
    pub(super) flag: String,
    pub(super) path: PathBuf,
    pub(super) place: Place,
}

/// All inputs so far. A process has one command line, and outputs are created when all that it names is read.
static INPUTS: Mutex<Vec<Input>> = Mutex::new(Vec::new());

/// Who has read standard input, and what it was, unless that was long.
static STANDARD_INPUT: Mutex<Option<(String, Option<Vec<u8>>)>> = Mutex::new(None);
/// It is kept up to this length: some flags' files are read more than once.
const KEPT: usize = 1 << 20;

/// All of an input that `flag` names.
pub(super) fn read(flag: &str, path: &Path) -> io::Result<Vec<u8>> {
    if descriptor(path) == Some(0) {
        return standard_input(flag);
    }
    let mut file = File::open(path)?;
    note(flag, path, &file.metadata()?);
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The same, whose error says which file of which flag cannot be read.
pub(super) fn read_for(flag: &str, path: &Path) -> anyhow::Result<Vec<u8>> {
    read(flag, path).with_context(|| format!("{flag}: cannot read {}", shown(path)))
}

/// All of standard input, for `flag`. It is there once.
pub(super) fn standard_input(flag: &str) -> io::Result<Vec<u8>> {
    let mut known = STANDARD_INPUT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    match &*known {
        Some((by, Some(bytes))) if by == flag => return Ok(bytes.clone()),
        Some((by, _)) => return Err(io::Error::other(format!("standard input is read already, for {by}"))),
        None => {}
    }
    if let Ok(metadata) = metadata(io::stdin().as_fd()) {
        note(flag, Path::new("/dev/stdin"), &metadata);
    }
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes)?;
    *known = Some((flag.into(), (bytes.len() <= KEPT).then(|| bytes.clone())));
    Ok(bytes)
}

/// Remembers a file that a command line names as an input, though this run has no need to read it.
pub(super) fn spare(flag: &str, path: &Path) {
    if let Ok(metadata) = fs::metadata(path) {
        note(flag, path, &metadata);
    }
}

/// What has been read so far.
pub(super) fn inputs() -> Vec<Input> {
    INPUTS.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
}

fn note(flag: &str, path: &Path, metadata: &Metadata) {
    // Nothing is lost of what a terminal or a socket is read from.
    if metadata.is_file() || metadata.file_type().is_fifo() || metadata.file_type().is_block_device() {
        let input = Input { flag: flag.into(), path: path.into(), place: Place::of(metadata) };
        INPUTS.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(input);
    }
}

/// The number of an open descriptor of this process, if the path is a name for one.
pub(super) fn descriptor(path: &Path) -> Option<u32> {
    let own = format!("/proc/{}/fd", std::process::id());
    let number = |folder: &str| path.strip_prefix(folder).ok()?.to_str()?.parse().ok();
    match path.to_str()? {
        _ if path == Path::new("/dev/stdin") => Some(0),
        _ if path == Path::new("/dev/stdout") => Some(1),
        _ if path == Path::new("/dev/stderr") => Some(2),
        _ => ["/dev/fd", "/proc/self/fd", "/proc/thread-self/fd", &own].into_iter().find_map(number),
    }
}

/// What an open descriptor leads to.
pub(super) fn metadata(of: BorrowedFd<'_>) -> io::Result<Metadata> {
    File::from(of.try_clone_to_owned()?).metadata()
}

impl Place {
    /// Of a file that is there.
    pub(super) fn of(metadata: &Metadata) -> Place {
        // The devices of memory (Linux, admin-guide/devices.txt): null, zero, full.
        const MEMORY: u32 = 1;
        if metadata.file_type().is_char_device() && rustix::fs::major(metadata.rdev()) == MEMORY {
            Place::Nowhere
        } else {
            Place::There { device: metadata.dev(), inode: metadata.ino() }
        }
    }
}

/// As deep may symbolic links lead to each other: so does Linux.
const DEEPEST: usize = 40;

/// An output before it is opened: nothing is changed yet.
#[derive(Debug)]
pub(super) struct Output {
    /// Behind symbolic links, if there is no such file yet.
    path: PathBuf,
    place: Place,
    is_regular: bool,
}

impl Output {
    /// Finds out where the path leads.
    ///
    /// # Errors
    /// Those of the system, where no file can be.
    pub(super) fn find(path: &Path) -> io::Result<Output> {
        match fs::metadata(path) {
            Ok(metadata) => {
                Ok(Output { path: path.into(), place: Place::of(&metadata), is_regular: metadata.is_file() })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let mut path = path.to_path_buf();
                for _ in 0..DEEPEST {
                    let Ok(to) = fs::read_link(&path) else { break };
                    path = path.parent().unwrap_or(Path::new("")).join(to);
                }
                let name = path.file_name().ok_or(ErrorKind::NotFound)?.to_os_string();
                let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
                let parent = fs::metadata(parent)?;
                Ok(Output {
                    place: Place::New { directory: (parent.dev(), parent.ino()), name },
                    path,
                    is_regular: true,
                })
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// It is a file on a disk, and not a pipe, a terminal or a device.
    pub(super) fn is_regular(&self) -> bool {
        self.is_regular
    }

    /// Opens it for writing. What is in it stays; see [`Writing::begin`].
    pub(super) fn open(&self, created: &mut Created) -> io::Result<Writing> {
        let is_new = matches!(self.place, Place::New { .. });
        let file = OpenOptions::new().write(true).create_new(is_new).open(&self.path)?;
        if is_new {
            created.0.push(self.path.clone());
        }
        let metadata = file.metadata()?;
        Ok(Writing { file, place: Place::of(&metadata), is_regular: metadata.is_file() })
    }
}

/// Files that were created, and go again when this does: unless they are kept, it is as if they had not been.
#[derive(Debug, Default)]
pub(super) struct Created(Vec<PathBuf>);

impl Created {
    /// They stay, whatever comes.
    pub(super) fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        for path in &self.0 {
            // It is empty, and nobody has been told of it.
            let _ = fs::remove_file(path);
        }
    }
}

/// A file that is open for writing, without a buffer: an error is that of the write that had it.
#[derive(Debug)]
pub(super) struct Writing {
    file: File,
    place: Place,
    is_regular: bool,
}

impl Writing {
    /// One of the standard descriptors.
    pub(super) fn standard(descriptor: BorrowedFd<'_>) -> io::Result<Writing> {
        Ok(Writing { file: descriptor.try_clone_to_owned()?.into(), place: Place::Nowhere, is_regular: false })
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// What was in it goes, but for what somebody else has given as a standard descriptor.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        if self.is_regular { self.file.set_len(0) } else { Ok(()) }
    }
}

impl Write for Writing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.file.write(bytes) {
                // Whoever shares the descriptor may have made it so: what it takes, it takes later.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    match poll(&mut [PollFd::new(&self.file, PollFlags::OUT)], None) {
                        Ok(_) | Err(rustix::io::Errno::INTR) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;

    #[test]
    fn names_of_one_file_lead_to_one_place() {
        let folder = TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("sub")).unwrap();
        fs::write(at("old"), "x").unwrap();
        fs::hard_link(at("old"), at("sub/hard")).unwrap();
        symlink("old", at("soft")).unwrap();
        symlink("sub", at("other")).unwrap();
        symlink("../new", at("sub/dangling")).unwrap();
        symlink("other/dangling", at("twice")).unwrap();
        let place = |name: &str| Output::find(&at(name)).unwrap().place;
        for (a, b) in [
            ("old", "sub/../old"),
            ("old", "sub/hard"),
            ("old", "soft"),
            ("new", "./new"),
            ("new", "sub/../new"),
            ("new", "sub/dangling"),
            ("new", "twice"),
            ("sub/new", "other/new"),
        ] {
            assert_eq!(place(a), place(b), "{a} {b}");
        }
        for (a, b) in [("old", "new"), ("new", "sub/new"), ("new", "new2")] {
            assert_ne!(place(a), place(b), "{a} {b}");
        }
        assert_eq!(Output::find(Path::new("/dev/null")).unwrap().place, Place::Nowhere);
        assert!(Output::find(&at("none/new")).is_err() && Output::find(Path::new("")).is_err());
        symlink("loop", at("loop")).unwrap();
        assert!(Output::find(&at("loop")).is_err());
    }

    #[test]
    fn a_file_that_is_not_kept_is_as_if_it_had_not_been() {
        let folder = TempDir::new().unwrap();
        let (new, old) = (folder.path().join("new"), folder.path().join("old"));
        fs::write(&old, "as it was").unwrap();
        let mut created = Created::default();
        for path in [&new, &old] {
            drop(Output::find(path).unwrap().open(&mut created).unwrap());
        }
        assert!(new.exists());
        drop(created);
        assert!(!new.exists() && fs::read_to_string(&old).unwrap() == "as it was");
        let mut created = Created::default();
        for path in [&new, &old] {
            let mut file = Output::find(path).unwrap().open(&mut created).unwrap();
            file.begin().unwrap();
            file.write_all(b"now").unwrap();
        }
        created.keep();
        assert_eq!([new, old].map(|path| fs::read_to_string(path).unwrap()), ["now", "now"]);
    }

    #[test]
    fn descriptors_have_many_names() {
        for (path, number) in [
            ("/dev/stdin", Some(0)),
            ("/dev//./stdout", Some(1)),
            ("/dev/stderr", Some(2)),
            ("/dev/fd/1", Some(1)),
            ("/proc/self/fd/63", Some(63)),
            ("/dev/null", None),
            ("stdout", None),
            ("/dev/fd/x", None),
            ("/dev/fd", None),
        ] {
            assert_eq!(descriptor(Path::new(path)), number, "{path}");
        }
    }

    #[test]
    fn what_was_read_is_remembered() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(read("--of-this-test", file.path()).unwrap(), b"");
        let input = inputs().into_iter().find(|input| input.flag == "--of-this-test").unwrap();
        assert_eq!(&input.place, Output::find(file.path()).unwrap().place());
    }
}
