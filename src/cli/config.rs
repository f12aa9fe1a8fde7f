//! What was typed resolves to: every choice made, nothing optional that has a default.

use std::io::IsTerminal as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _};
use tracing_subscriber::filter::LevelFilter;

use super::args::{
    AggregateArgs, Cli, EventOptions, ExplainArgs, FileOptions, GenerateArgs, LanesArg,
    LineOptions, LogArgs, LogFormat, LogLevel, OrderArg, PartitionArg, ProfileArg, ProgressArg,
    ReadOptions, ResultOptions, VerifyArg, Words, WorkOptions, formats,
};
use super::check::CheckArgs;
use super::explain::Place;
use super::features;
use super::limit::InvalidLimit;
use super::replay::ReplayArgs;
use super::size::MemorySize;
use super::words::counted;
use daytally::event::{Date, DateRange, FieldNames, Lanes, Schema};
use daytally::generate::{Length, Order, Profile, Settings};
use daytally::input::{List, Search, Separator, Verify};
use daytally::output::{Encoding, Format, Packing, Target};
use daytally::{Incremental, Options};
use daytally::{replay, state, survey};

/// What is read if nothing is named.
const DEFAULT_INPUT: &str = "events.jsonl";

/// The config file of the current folder.
pub(super) const LOCAL_CONFIG: &str = "daytally.toml";

/// Where the days of the result go if nothing is said.
const DEFAULT_OUTPUT_FOLDER: &str = "daily_user_stats";

/// What clap says of a command's wrong use.
pub(super) fn wrong(name: &str, kind: ErrorKind, message: String) -> clap::Error {
    let mut cli = Cli::command();
    let command = cli.find_subcommand_mut(name).map(|command| {
        // So that the usage line of the message is whole.
        command.clone().bin_name(format!("daytally {name}"))
    });
    command.unwrap_or(cli).error(kind, message)
}

/// Where an option of a command is from: the nearer, the greater.
fn source(matches: &ArgMatches, command: &str, option: &str) -> Option<ValueSource> {
    matches.subcommand_matches(command)?.value_source(option)
}

/// Whether an option of a command is on the command line, and not only in the environment or a file.
fn is_typed(matches: &ArgMatches, command: &str, option: &str) -> bool {
    source(matches, command, option) == Some(ValueSource::CommandLine)
}

/// That there is a list, where somebody has said how its names end.
pub(super) fn expect_list(
    files: &FileOptions,
    command: &str,
    matches: &ArgMatches,
) -> Result<(), clap::Error> {
    // In the environment it may be meant for other runs.
    if files.files_from.is_none() && is_typed(matches, command, "null") {
        return Err(wrong(
            command,
            ErrorKind::MissingRequiredArgument,
            "-0 (--null) says how the names in a list end, and there is none; give the list with --files-from"
                .into(),
        ));
    }
    Ok(())
}

/// Where inputs are looked for.
pub(super) fn search(files: FileOptions) -> Search {
    let list = files.files_from.map(|path| List {
        path,
        separator: if files.null {
            Separator::Nul
        } else {
            Separator::Newline
        },
    });
    let names = if files.inputs.is_empty() && list.is_none() {
        vec![DEFAULT_INPUT.into()]
    } else {
        files.inputs
    };
    Search::new(names)
        .with_list(list)
        .allow_duplicates(files.allow_duplicates)
}

/// The days from one to another.
pub(super) fn dates(
    from: Option<Date>,
    to: Option<Date>,
    command: &str,
) -> Result<DateRange, clap::Error> {
    DateRange::new(from, to).ok_or_else(|| {
        wrong(
            command,
            ErrorKind::ValueValidation,
            "--from is after --to, so there is no day between them".into(),
        )
    })
}

/// What `daytally aggregate` is to do.
#[derive(Debug)]
pub(super) struct AggregateConfig {
    pub(super) search: Search,
    /// The file with the list of inputs, if it is one.
    pub(super) list: Option<PathBuf>,
    /// The file, or the folder for the days.
    pub(super) output: Target,
    /// What is written there.
    pub(super) format: Format,
    /// Whether each day has a file of its own.
    pub(super) by_date: bool,
    pub(super) rejects: Option<Target>,
    pub(super) summary: Option<Target>,
    pub(super) report: Option<Target>,
    pub(super) max_invalid: Option<InvalidLimit>,
    /// The first day that was asked for.
    pub(super) from: Option<Date>,
    /// The last day that was asked for.
    pub(super) to: Option<Date>,
    pub(super) options: Options,
    pub(super) state: Option<StateConfig>,
    /// What is added up in place of events.
    #[cfg(feature = "arrow")]
    pub(super) partials: Option<daytally::PartialSet>,
    pub(super) log: LogConfig,
    /// The config files that had a say.
    pub(super) config_files: Vec<PathBuf>,
}

/// What earlier runs have left, and how to go about it.
#[derive(Debug)]
pub(super) struct StateConfig {
    pub(super) folder: PathBuf,
    pub(super) settings: state::Settings,
    pub(super) how: Incremental,
}

/// Where the log goes and what is in it.
#[derive(Debug)]
pub(super) struct LogConfig {
    pub(super) format: LogFormat,
    pub(super) level: LevelFilter,
    /// A file instead of standard error.
    pub(super) file: Option<PathBuf>,
    /// Nothing but errors on standard error.
    pub(super) is_quiet: bool,
    pub(super) progress: ProgressArg,
    pub(super) progress_every: Duration,
    /// Whether the days are drawn at the end.
    pub(super) has_plot: bool,
}

impl AggregateConfig {
    pub(super) fn resolve(
        args: AggregateArgs,
        matches: &ArgMatches,
    ) -> Result<AggregateConfig, clap::Error> {
        let schema = schema(&args.event, "aggregate")?;
        let state = StateConfig::resolve(&args, &schema, matches)?;
        expect_list(&args.input.files, "aggregate", matches)?;
        let dates = dates(args.input.lines.from, args.input.lines.to, "aggregate")?;
        let ResultConfig {
            output,
            format,
            by_date,
        } = ResultConfig::resolve(&args.result, "aggregate")?;
        let mut options = options(&args.input.lines, &args.read, schema, dates);
        limit(&mut options, &args.work, "aggregate")?;
        options.temp_dir = args.work.temp_dir.or_else(|| temp_dir(&output, by_date));
        Ok(AggregateConfig {
            list: args.input.files.files_from.clone(),
            from: args.input.lines.from,
            to: args.input.lines.to,
            search: search(args.input.files).stop_with(options.stop.cell()),
            output,
            format,
            by_date,
            rejects: args.result.rejects.map(Target::new),
            summary: args.result.summary.map(Target::new),
            report: args.report.map(Target::new),
            max_invalid: args.result.max_invalid,
            options,
            state,
            #[cfg(feature = "arrow")]
            partials: None,
            config_files: Vec::new(),
            log: LogConfig {
                has_plot: args.plot,
                ..LogConfig::resolve(args.log, matches, "aggregate")
            },
        })
    }
}

impl AggregateConfig {
    /// Whether there are partials instead of inputs.
    #[cfg_attr(
        not(feature = "arrow"),
        expect(clippy::unused_self, reason = "there are none without the feature")
    )]
    pub(super) fn reads_partials(&self) -> bool {
        #[cfg(feature = "arrow")]
        return self.partials.is_some();
        #[cfg(not(feature = "arrow"))]
        false
    }
}

/// Where a result goes, and as what.
pub(super) struct ResultConfig {
    pub(super) output: Target,
    pub(super) format: Format,
    pub(super) by_date: bool,
}

impl ResultConfig {
    pub(super) fn resolve(
        options: &ResultOptions,
        command: &str,
    ) -> Result<ResultConfig, clap::Error> {
        let by_date = options.partition_by == Some(PartitionArg::Date);
        let format = format(options.format, options.output.as_deref(), by_date, command)?;
        let output = output(options.output.clone(), format, by_date, command)?;
        check_terminal(&output, format, command)?;
        Ok(ResultConfig {
            output,
            format,
            by_date,
        })
    }
}

/// How events are read.
pub(super) fn options(
    lines: &LineOptions,
    read: &ReadOptions,
    schema: Schema,
    dates: DateRange,
) -> Options {
    let mut options = Options::default();
    options.chunk_size = read.chunk_size;
    options.max_line_bytes = lines.max_line_bytes;
    options.lanes = match read.lanes {
        LanesArg::All => Lanes::All,
        LanesArg::General => Lanes::General,
    };
    options.dates = dates;
    options.schema = schema;
    options.map_files = !read.no_mmap;
    options
}

/// What a run may take, but for the folder of temporary files.
pub(super) fn limit(
    options: &mut Options,
    work: &WorkOptions,
    command: &str,
) -> Result<(), clap::Error> {
    if let Some(threads) = work.threads {
        options.threads = threads;
    }
    options.memory_limit = memory_limit(command, work.memory_limit, options.threads)?;
    Ok(())
}

/// Where temporary files go if nobody says.
pub(super) fn temp_dir(output: &Target, by_date: bool) -> Option<PathBuf> {
    match output {
        Target::Path(folder) if by_date => Some(folder.clone()),
        output => beside(output),
    }
}

#[cfg(feature = "config")]
impl AggregateConfig {
    /// Remembers which config files had a say, for the log.
    pub(super) fn with_files<'a>(self, files: impl Iterator<Item = &'a Path>) -> AggregateConfig {
        AggregateConfig {
            config_files: files.map(Path::to_path_buf).collect(),
            ..self
        }
    }
}

/// What the result is written as: what was asked for, or what the file's name speaks of.
fn format(
    typed: Option<Format>,
    output: Option<&Path>,
    by_date: bool,
    command: &str,
) -> Result<Format, clap::Error> {
    let format = match (typed, output) {
        (Some(typed), _) => typed,
        (None, None) => Format::default(),
        (None, Some(path)) => format_of_name(path, by_date, command)?,
    };
    match format.missing_feature() {
        None => Ok(format),
        Some(feature) => {
            let message = format!(
                "the name of the output asks for {format}, and {}; give another name, or --format",
                features::missing(feature)
            );
            Err(features::error(ErrorKind::ValueValidation, &message))
        }
    }
}

/// The format that the name of the output speaks of. One that would be something else than its name says
/// is not written unless `--format` asks for that.
fn format_of_name(path: &Path, by_date: bool, command: &str) -> Result<Format, clap::Error> {
    let format = Format::of_path(path);
    let shown = daytally::text::path(path);
    let message = match Format::foreign_extension(path) {
        Some(extension) => format!(
            "results have no format {extension}; give the output another name, or say with --format what is to be in {shown}: {}",
            formats()
                .map(Format::extension)
                .collect::<Vec<_>>()
                .join(", ")
        ),
        None if by_date && format != Format::CSV => format!(
            "with --partition-by the output is a folder, and its name says nothing of the files in it: say --format {format} if those of {shown} are to be that, or --format csv"
        ),
        None => return Ok(format),
    };
    Err(wrong(command, ErrorKind::ValueValidation, message))
}

/// Refuses to write what is no text to a terminal.
fn check_terminal(output: &Target, format: Format, command: &str) -> Result<(), clap::Error> {
    let is_text = format.packing() == Packing::None
        && matches!(format.encoding(), Encoding::Csv | Encoding::JsonLines);
    if is_text || *output != Target::Stdout || !std::io::stdout().is_terminal() {
        return Ok(());
    }
    let message = format!(
        "standard output is a terminal, and {format} is not for reading; send it to a file or a program, or give a path with --output"
    );
    Err(wrong(command, ErrorKind::ArgumentConflict, message))
}

/// What events look like to a command.
pub(super) fn schema(options: &EventOptions, command: &str) -> Result<Schema, clap::Error> {
    let usual = FieldNames::default();
    let names = FieldNames {
        user_id: options.user_id_field.clone().unwrap_or(usual.user_id),
        event_type: options.event_type_field.clone().unwrap_or(usual.event_type),
        timestamp: options.timestamp_field.clone().unwrap_or(usual.timestamp),
        amount: options.amount_field.clone().unwrap_or(usual.amount),
    };
    let schema = Schema::default()
        .with_fields(names)
        .and_then(|schema| schema.with_purchase_types(options.purchase_type.iter().cloned()));
    match schema {
        Ok(schema) => Ok(schema
            .accepting_offsets(options.accept_offsets)
            .in_zone(options.timezone.clone())),
        Err(error) => Err(wrong(
            command,
            ErrorKind::ArgumentConflict,
            error.to_string(),
        )),
    }
}

/// Where the result goes. A result of days needs a folder.
fn output(
    typed: Option<PathBuf>,
    format: Format,
    by_date: bool,
    command: &str,
) -> Result<Target, clap::Error> {
    if !by_date {
        return Ok(Target::new(
            typed.unwrap_or_else(|| format.default_file().into()),
        ));
    }
    let typed = typed.unwrap_or_else(|| DEFAULT_OUTPUT_FOLDER.into());
    let is_stream = |path: &Path| {
        std::fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir())
    };
    match Target::new(typed) {
        Target::Path(path) if !is_stream(&path) => {
            // Without a slash at the end, which says nothing of a folder.
            Ok(Target::Path(path.components().collect()))
        }
        output => {
            let place = match output {
                Target::Stdout => "standard output".into(),
                Target::Path(path) => format!("{}, a pipe or a device", path.display()),
            };
            let message = format!(
                "--partition-by needs a folder to write to, and cannot write to {place}; give one with --output"
            );
            Err(wrong(command, ErrorKind::ArgumentConflict, message))
        }
    }
}

impl StateConfig {
    /// Opens the state, for this run alone.
    pub(super) fn open(&self) -> daytally::Result<state::State> {
        state::State::open(&self.folder, self.settings.clone())
    }

    fn resolve(
        args: &AggregateArgs,
        schema: &Schema,
        matches: &ArgMatches,
    ) -> Result<Option<StateConfig>, clap::Error> {
        let options = &args.state;
        let Some(folder) = &options.state else {
            let of_state = ["verify", "forget_missing"].into_iter();
            let typed = of_state.filter(|option| is_typed(matches, "aggregate", option));
            return match typed.map(|option| option.replace('_', "-")).next() {
                None => Ok(None),
                Some(option) => Err(wrong(
                    "aggregate",
                    ErrorKind::MissingRequiredArgument,
                    format!(
                        "--{option} is about the state of earlier runs, and there is none; give it with --state"
                    ),
                )),
            };
        };
        if args.input.files.allow_duplicates {
            return Err(wrong(
                "aggregate",
                ErrorKind::ArgumentConflict,
                "--state keeps each input once, so --allow-duplicates does not go with it".into(),
            ));
        }
        let mut settings = state::Settings::default();
        settings.max_line_bytes = args.input.lines.max_line_bytes;
        // A report says where they are.
        settings.keeps_rejects = args.result.rejects.is_some() || args.report.is_some();
        settings.schema = Arc::new(schema.clone());
        let mut how = Incremental::default();
        how.verify = match options.verify {
            VerifyArg::Quick => Verify::Quick,
            VerifyArg::Full => Verify::Full,
        };
        how.forget_missing = options.forget_missing;
        Ok(Some(StateConfig {
            folder: folder.clone(),
            settings,
            how,
        }))
    }
}

/// How many bytes of memory a run may take: as many as its threads need, at least.
fn memory_limit(
    command: &str,
    typed: Option<MemorySize>,
    threads: NonZeroUsize,
) -> Result<u64, clap::Error> {
    let least = Options::least_memory(threads);
    let limit = match typed {
        // Nobody asked for what there is to be enough.
        None => return Ok(Options::default().memory_limit.max(least)),
        Some(MemorySize::Bytes(bytes)) => bytes,
        Some(MemorySize::Percent(percent)) => match daytally::internals::machine_memory() {
            Some(all) => all / 100 * percent,
            None => {
                return Err(wrong(
                    command,
                    ErrorKind::ValueValidation,
                    "there is no telling how much memory this machine has; give --memory-limit a size"
                        .into(),
                ));
            }
        },
    };
    if limit < least {
        let mebibytes = least.div_ceil(1 << 20);
        let or_fewer = match threads.get() {
            1 => "",
            _ => ", or ask for fewer with --threads",
        };
        let threads = counted(threads.get() as u64, "thread");
        let message = format!(
            "--memory-limit has to be at least {mebibytes}MiB with {threads}; allow more{or_fewer}"
        );
        return Err(wrong(command, ErrorKind::ValueValidation, message));
    }
    Ok(limit)
}

/// The folder of an output that is a file.
fn beside(output: &Target) -> Option<PathBuf> {
    // What is wrong with it will show when it is created.
    let place = output.place().ok().flatten()?;
    place.parent().map(Path::to_path_buf)
}

impl LogConfig {
    /// Whether the summary for people is shown.
    pub(super) fn tells_people(&self) -> bool {
        !self.is_quiet && (self.format == LogFormat::Text || self.file.is_some())
    }

    /// Of options that contradict each other, the one that was said from nearer holds.
    pub(super) fn resolve(args: LogArgs, matches: &ArgMatches, command: &str) -> LogConfig {
        let source = |option| source(matches, command, option);
        let is_quiet = args.quiet && !(args.verbose > 0 && source("verbose") > source("quiet"));
        let log_level = args
            .log_level
            .filter(|_| args.verbose == 0 || source("log_level") >= source("verbose"));
        let level = match (log_level, args.verbose) {
            (Some(LogLevel::Off), _) => LevelFilter::OFF,
            (Some(LogLevel::Error), _) => LevelFilter::ERROR,
            (Some(LogLevel::Warn), _) | (None, 0) => LevelFilter::WARN,
            (Some(LogLevel::Info), _) | (None, 1) => LevelFilter::INFO,
            (Some(LogLevel::Debug), _) | (None, 2) => LevelFilter::DEBUG,
            (Some(LogLevel::Trace) | None, _) => LevelFilter::TRACE,
        };
        let quiets_the_log = is_quiet && args.log_file.is_none();
        LogConfig {
            format: args.log_format,
            level: if quiets_the_log {
                level.min(LevelFilter::ERROR)
            } else {
                level
            },
            file: args.log_file,
            is_quiet,
            progress: args.progress,
            progress_every: args.progress_every,
            has_plot: false,
        }
    }
}

/// What `daytally check` is to do.
#[derive(Debug)]
pub(super) struct CheckConfig {
    pub(super) search: Search,
    pub(super) settings: survey::Settings,
    /// Those of the full run.
    pub(super) options: Options,
    /// What was typed that the full run should have too, for a command to copy: the options, and the names
    /// of the inputs.
    pub(super) typed: Words,
    pub(super) names: Words,
    pub(super) is_json: bool,
}

impl CheckConfig {
    pub(super) fn resolve(
        args: CheckArgs,
        matches: &ArgMatches,
    ) -> Result<CheckConfig, clap::Error> {
        expect_list(&args.input.files, "check", matches)?;
        let dates = dates(args.input.lines.from, args.input.lines.to, "check")?;
        let schema = schema(&args.event, "check")?;
        let typed = args.options();
        let mut names = Words::default();
        args.input.names(&mut names);
        let mut options = Options::default();
        options.max_line_bytes = args.input.lines.max_line_bytes;
        options.dates = dates;
        options.schema = schema.clone();
        if let Some(threads) = args.threads {
            options.threads = threads;
        }
        options.memory_limit = memory_limit("check", args.memory_limit, options.threads)?;
        Ok(CheckConfig {
            search: search(args.input.files),
            settings: survey::Settings {
                sample: args.sample,
                time: args.time,
                seed: args.seed,
                threads: options.threads,
                max_line_bytes: options.max_line_bytes,
                dates,
                schema,
            },
            options,
            typed,
            names,
            is_json: args.json,
        })
    }
}

/// What `daytally explain` is to do.
#[derive(Debug)]
pub(super) struct ExplainConfig {
    pub(super) place: Place,
    pub(super) max_line_bytes: usize,
    pub(super) schema: Schema,
    /// Objects instead of text.
    pub(super) is_json: bool,
}

impl ExplainConfig {
    pub(super) fn resolve(args: ExplainArgs) -> Result<ExplainConfig, clap::Error> {
        let schema = schema(&args.event, "explain")?;
        let words: Vec<_> = std::iter::once(args.place).chain(args.words).collect();
        match Place::parse(&words) {
            Ok(place) => Ok(ExplainConfig {
                place,
                max_line_bytes: args.max_line_bytes,
                schema,
                is_json: args.json,
            }),
            Err(message) => Err(wrong("explain", ErrorKind::ValueValidation, message)),
        }
    }
}

/// What `daytally replay` is to do.
#[derive(Debug)]
pub(super) struct ReplayConfig {
    /// The rejects files; `-` is standard input.
    pub(super) files: Vec<PathBuf>,
    /// The result.
    pub(super) into: PathBuf,
    /// Where what is still invalid goes.
    pub(super) rest: Option<Target>,
    pub(super) summary: Option<Target>,
    pub(super) settings: replay::Settings,
    /// Nothing is to be changed.
    pub(super) is_dry: bool,
    /// Nothing but errors on standard error.
    pub(super) is_quiet: bool,
}

impl ReplayConfig {
    pub(super) fn resolve(args: ReplayArgs) -> Result<ReplayConfig, clap::Error> {
        Ok(ReplayConfig {
            settings: replay::Settings {
                schema: schema(&args.event, "replay")?,
                max_line_bytes: args.max_line_bytes,
                dates: dates(args.from, args.to, "replay")?,
                is_fresh: args.fresh,
                allows_same_text: args.allow_same_text,
                ..replay::Settings::default()
            },
            files: args.files,
            into: args.into,
            rest: args.rest.map(Target::new),
            summary: args.summary.map(Target::new),
            is_dry: args.dry_run,
            is_quiet: args.quiet,
        })
    }
}

/// What `daytally generate` is to do.
#[derive(Debug)]
pub(super) struct GenerateConfig {
    pub(super) settings: Settings,
}

impl GenerateConfig {
    pub(super) fn resolve(
        args: &GenerateArgs,
        matches: &ArgMatches,
    ) -> Result<GenerateConfig, clap::Error> {
        let wrong = |kind, message| Err(wrong("generate", kind, message));
        let source = |name| source(matches, "generate", name);
        let length = match (args.lines, args.size) {
            // The one that was said from nearer holds; two from one place contradict.
            (Some(_), Some(_)) if source("lines") == source("size") => {
                return wrong(
                    ErrorKind::ArgumentConflict,
                    "give either --lines or --size, not both".into(),
                );
            }
            (Some(lines), Some(_)) if source("lines") > source("size") => Length::Lines(lines),
            (_, Some(size)) => Length::Bytes(size),
            (Some(lines), None) => Length::Lines(lines),
            (None, None) => Settings::default().length,
        };
        let settings = Settings {
            length,
            seed: args.seed,
            users: args.users,
            days: args.days,
            profile: match args.profile {
                ProfileArg::Narrow => Profile::Narrow,
                ProfileArg::Wide => Profile::Wide,
                ProfileArg::Mixed => Profile::Mixed,
            },
            invalid_rate: args.invalid_rate,
            order: match args.order {
                OrderArg::Time => Order::Time,
                OrderArg::Random => Order::Random,
            },
        };
        match settings.validate() {
            Ok(()) => Ok(GenerateConfig { settings }),
            Err(error) => wrong(ErrorKind::ValueValidation, error.to_string()),
        }
    }
}
