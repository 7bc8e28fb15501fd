//! Frames to the packets of a segment.
//!
//! The encoder only counts frames: it sees a constant rate, and packets get their frames' times afterwards. No encoder's
//! idea of time bases can therefore change a time, and a segment's headers do not depend on its times.

use std::io::Write;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::nut::{Packet, Reader, Stream, Writer};
use super::process::Process;
use super::tools::Tools;
use super::{Colour, Format, Frame, Ratio};
use crate::{Error, Result};

/// No packet is larger than this many times its frame's samples, and a bit for headers.
const LARGEST: u64 = 4;

/// How frames are encoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Encode {
    /// The encoder, by ffmpeg's name.
    pub encoder: String,
    /// Its options, by ffmpeg's names.
    pub options: Vec<(String, String)>,
    /// The frames' pixel format.
    pub format: &'static Format,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frames in a second, on average.
    pub rate: Ratio,
    /// Width of a pixel over its height, if known.
    pub sample_aspect: Option<Ratio>,
    /// What samples mean, resolved: those of the input, and those of the result.
    pub colours: (Colour, Colour),
    /// The result's tags.
    pub colour: Colour,
}

/// Encodes the frames of one segment.
pub struct Encoder {
    process: Process,
    stdin: Option<ChildStdin>,
    times: Arc<Mutex<Vec<i64>>>,
    packets: JoinHandle<Result<u64>>,
}

impl Encoder {
    /// Begins a segment. Its packets go to `to` as NUT, their times in `time_base`, counted from the first frame.
    ///
    /// # Errors
    /// [`Error::Program`] if ffmpeg cannot be started.
    pub fn new(
        tools: &Tools,
        encode: &Encode,
        time_base: Ratio,
        to: impl Write + Send + 'static,
    ) -> Result<Self> {
        let mut process = Process::start("ffmpeg", command(tools, encode))?;
        let (stdin, stdout) = (process.stdin()?, process.stdout()?);
        let times = Arc::new(Mutex::new(Vec::new()));
        let retimer = Retimer { times: times.clone(), tick: encode.rate.inverse(), time_base };
        let samples = encode.format.frame_bytes(encode.width, encode.height);
        let largest = samples.saturating_mul(LARGEST).saturating_add(1 << 20);
        let packets = std::thread::spawn(move || retimer.run(stdout, largest, to));
        Ok(Self { process, stdin: Some(stdin), times, packets })
    }

    /// Encodes a frame.
    ///
    /// # Errors
    /// [`Error::Program`] if the encoder has given up; [`Encoder::finish`] says why.
    pub fn frame(&mut self, frame: &Frame) -> Result<()> {
        let Some(stdin) = &mut self.stdin else { return Err(Error::misuse("a segment that has ended")) };
        self.times.lock().unwrap_or_else(PoisonError::into_inner).push(frame.pts);
        stdin.write_all(&frame.data).map_err(|error| Error::program("ffmpeg", error.to_string()))
    }

    /// Ends the segment; the number of bytes written.
    ///
    /// # Errors
    /// [`Error::Program`] if the encoder fails or loses frames, [`Error::Io`] if packets cannot be written.
    pub fn finish(mut self) -> Result<u64> {
        drop(self.stdin.take());
        let packets = self.packets.join();
        let packets = packets.map_err(|_| Error::program("ffmpeg", "reading its packets panicked"))?;
        match packets {
            Ok(bytes) => self.process.finish().map(|()| bytes),
            // A disk that is full is no fault of the encoder.
            Err(error @ Error::Io { .. }) => Err(error),
            Err(error) => Err(self.process.blame(error)),
        }
    }
}

/// Gives packets the times of their frames.
struct Retimer {
    times: Arc<Mutex<Vec<i64>>>,
    /// What the encoder takes for the time from frame to frame.
    tick: Ratio,
    time_base: Ratio,
}

impl Retimer {
    fn run(self, from: ChildStdout, largest: u64, to: impl Write) -> Result<u64> {
        let mut reader = Reader::new(from, largest)?;
        let unit = reader.stream().time_base;
        let stream = Stream { time_base: self.time_base, ..reader.stream().clone() };
        let mut writer = Writer::new(to, &stream)?;
        let (mut first, mut packets) = (None, 0_u64);
        while let Some(packet) = reader.packet()? {
            // The first packet is a key frame: the first frame of all.
            let since = packet.pts - *first.get_or_insert(packet.pts);
            let index = unit.exactly(since, self.tick).and_then(|index| usize::try_from(index).ok());
            let pts = {
                let times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
                index.and_then(|index| Some(times.get(index)? - times.first()?))
            };
            let pts = pts.ok_or_else(|| Error::program("ffmpeg", "the encoder made up a frame"))?;
            writer.packet(&Packet { pts, ..packet })?;
            packets += 1;
        }
        let frames = self.times.lock().unwrap_or_else(PoisonError::into_inner).len();
        if packets != frames as u64 {
            let what = format!("the encoder made {packets} packets of {frames} frames");
            return Err(Error::program("ffmpeg", what));
        }
        let bytes = writer.position();
        writer.finish()?;
        Ok(bytes)
    }
}

fn command(tools: &Tools, encode: &Encode) -> Command {
    let Encode { width, height, rate, .. } = encode;
    let mut command = tools.ffmpeg();
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    // This encoder says more than it is asked for.
    command.env("SVT_LOG", "1");
    command.args(["-protocol_whitelist", "pipe", "-f", "rawvideo", "-pixel_format", encode.format.name]);
    command.args(["-video_size", &format!("{width}x{height}"), "-framerate", &rate.to_string()]);
    command.args(["-i", "pipe:0", "-map", "0:v", "-vf", &filters(encode), "-c:v", &encode.encoder]);
    if let Some(location) = encode.colour.location {
        command.args(["-chroma_sample_location", location.name()]);
    }
    for (name, value) in &encode.options {
        command.arg(format!("-{name}")).arg(value);
    }
    if encode.format.alpha && encode.encoder.starts_with("libvpx") {
        // Only this version of NUT has room for a second picture in a packet.
        command.args(["-strict", "experimental", "-syncpoints", "timestamped"]);
    }
    command.args(["-pix_fmt", encode.format.name, "-fps_mode", "passthrough"]);
    command.args(["-enc_time_base", &rate.inverse().to_string(), "-f", "nut", "pipe:1"]);
    command
}

/// Says what frames mean; changes no sample.
fn filters(encode: &Encode) -> String {
    let colour = &encode.colour;
    let mut parameters = Vec::new();
    parameters.extend(colour.range.map(|range| format!("range={}", range.name())));
    parameters.extend(colour.primaries.map(|tag| format!("color_primaries={}", tag.code)));
    parameters.extend(colour.transfer.map(|tag| format!("color_trc={}", tag.code)));
    parameters.extend(colour.matrix.map(|matrix| format!("colorspace={}", matrix.tag().code)));
    let aspect = encode.sample_aspect.map_or("0".into(), |aspect| aspect.to_string());
    let mut filters = vec![format!("setsar={aspect}")];
    if !parameters.is_empty() {
        filters.push(format!("setparams={}", parameters.join(":")));
    }
    filters.join(",")
}
