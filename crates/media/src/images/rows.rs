//! Writers around writers: checking rows, holding a whole picture, feeding an encoder that pulls.

use std::io::{self, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::{RowWriter, Sink};
use crate::{Error, Header, Result, Samples};

/// Checks what callers hand in, so that no format has to.
pub(crate) struct Checked {
    inner: Box<dyn RowWriter>,
    header: Header,
    rows: u64,
    broken: bool,
}

impl Checked {
    pub(crate) fn new(inner: Box<dyn RowWriter>, header: Header) -> Self {
        Checked { inner, header, rows: 0, broken: false }
    }
}

impl RowWriter for Checked {
    fn write_rows(&mut self, rows: &Samples) -> Result<()> {
        let Header { width, height, channels, depth, .. } = self.header;
        if self.broken {
            return Err(Error::misuse("rows written after an error"));
        }
        let row = self.header.row_samples();
        if rows.depth() != depth || !rows.len().is_multiple_of(row) {
            return Err(Error::misuse(format!(
                "{} {:?} samples are not whole rows of {width} {channels:?} {depth:?} pixels",
                rows.len(),
                rows.depth()
            )));
        }
        let count = (rows.len() / row) as u64;
        if self.rows + count > u64::from(height) {
            return Err(Error::misuse(format!("row {} of a picture with {height} rows", self.rows + count)));
        }
        if count == 0 {
            return Ok(());
        }
        self.rows += count;
        let result = self.inner.write_rows(rows);
        self.broken = result.is_err();
        result
    }

    fn finish(self: Box<Self>) -> Result<()> {
        if self.broken {
            return Err(Error::misuse("a file finished after an error"));
        }
        if self.rows != u64::from(self.header.height) {
            let what = format!("{} of {} rows were written", self.rows, self.header.height);
            return Err(Error::misuse(what));
        }
        self.inner.finish()
    }
}

/// For formats that need the whole picture: collects its rows, encodes them in `finish`.
pub(crate) struct Whole<T> {
    pub(crate) samples: Vec<T>,
    pub(crate) sink: Sink,
    pub(crate) encode: Box<dyn FnOnce(Vec<T>) -> Result<Vec<u8>> + Send>,
}

impl RowWriter for Whole<u8> {
    fn write_rows(&mut self, rows: &Samples) -> Result<()> {
        self.samples.extend_from_slice(u8s(rows)?);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let file = (self.encode)(self.samples)?;
        self.sink.write_all(&file)?;
        Ok(self.sink.flush()?)
    }
}

impl RowWriter for Whole<u16> {
    fn write_rows(&mut self, rows: &Samples) -> Result<()> {
        match rows {
            Samples::U16(v) => self.samples.extend_from_slice(v),
            _ => return Err(Error::misuse("16-bit samples expected")),
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let file = (self.encode)(self.samples)?;
        self.sink.write_all(&file)?;
        Ok(self.sink.flush()?)
    }
}

/// The samples of a format that has only 8 bits.
pub(crate) fn u8s(rows: &Samples) -> Result<&[u8]> {
    match rows {
        Samples::U8(v) => Ok(v),
        other => Err(Error::misuse(format!("8-bit samples expected, got {:?}", other.depth()))),
    }
}

/// The bytes of samples, 16-bit and float ones in big-endian order.
pub(crate) fn big_endian_bytes(rows: &Samples) -> Vec<u8> {
    match rows {
        Samples::U8(v) => v.clone(),
        Samples::U16(v) => v.iter().flat_map(|s| s.to_be_bytes()).collect(),
        Samples::F32(v) => v.iter().flat_map(|s| s.to_be_bytes()).collect(),
    }
}

/// The bytes of samples, 16-bit and float ones in little-endian order.
pub(crate) fn little_endian_bytes(rows: &Samples) -> Vec<u8> {
    match rows {
        Samples::U8(v) => v.clone(),
        Samples::U16(v) => v.iter().flat_map(|s| s.to_le_bytes()).collect(),
        Samples::F32(v) => v.iter().flat_map(|s| s.to_le_bytes()).collect(),
    }
}

/// Runs an encoder that pulls rows on a thread of its own, so that encoding overlaps with whatever makes the
/// rows. At most two batches of rows wait at any time.
pub(crate) struct Pulled {
    rows: Option<SyncSender<Vec<u8>>>,
    encoder: Option<JoinHandle<Result<()>>>,
    abandoned: Arc<AtomicBool>,
}

impl Pulled {
    /// Starts `encode` with the rows to come and the sink to write to.
    pub(crate) fn start(
        sink: Sink,
        encode: impl FnOnce(Receiver<Vec<u8>>, &mut Abandonable) -> Result<()> + Send + 'static,
    ) -> Result<Self> {
        let (rows, receiver) = sync_channel(2);
        let abandoned = Arc::new(AtomicBool::new(false));
        let mut sink =
            Abandonable { sink: io::BufWriter::with_capacity(1 << 16, sink), abandoned: abandoned.clone() };
        let run = move || {
            encode(receiver, &mut sink)?;
            Ok(sink.flush()?)
        };
        let encoder = Some(std::thread::Builder::new().name("amplio-encoder".into()).spawn(run)?);
        Ok(Pulled { rows: Some(rows), encoder, abandoned })
    }

    /// Waits for the encoder and gives its result.
    fn join(&mut self) -> Result<()> {
        self.rows = None;
        match self.encoder.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(Error::Io { path: None, source: io::Error::other("the encoder panicked") }),
            None => Err(Error::misuse("the encoder has already ended")),
        }
    }
}

impl RowWriter for Pulled {
    fn write_rows(&mut self, rows: &Samples) -> Result<()> {
        let batch = u8s(rows)?.to_vec();
        if self.rows.as_ref().is_some_and(|sender| sender.send(batch).is_ok()) {
            return Ok(());
        }
        // The receiver is gone, so the encoder ended early; it knows why.
        self.join()?;
        Err(Error::misuse("the encoder ended before the last row"))
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.join()
    }
}

impl Drop for Pulled {
    fn drop(&mut self) {
        if self.encoder.is_some() {
            self.abandoned.store(true, Ordering::Relaxed);
            let _ = self.join();
        }
    }
}

/// A sink that refuses to be written to once its [`Pulled`] was dropped, so that the encoder ends soon.
pub(crate) struct Abandonable {
    sink: io::BufWriter<Sink>,
    abandoned: Arc<AtomicBool>,
}

impl Write for Abandonable {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.abandoned.load(Ordering::Relaxed) {
            return Err(io::Error::other("the picture was abandoned"));
        }
        self.sink.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

impl Seek for Abandonable {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.sink.seek(to)
    }
}
