/**
 * Plays samples as they arrive, without gaps, on Web Audio alone: what every browser can stream. Buffers are scheduled
 * back to back on the context's clock; pausing stops that clock, seeking schedules anew.
 */

import { PcmStore, RATE } from "./pcm.js";

/** @typedef {"idle" | "waiting" | "playing" | "buffering" | "paused" | "ended"} State */

const AHEAD_S = 10;
const PIECE_S = 2.5;
const MORE_IN_HAND_S = 1.5;
const MOST_IN_HAND_S = 6;
const LEAD_S = 0.05; // between scheduling and sounding: less, and the first samples may come too late

/** Tells "state" when its state changes, and "seek" when its position jumps. */
export class Player extends EventTarget {
  /** @type {AudioContext | null} */
  #context = null;
  #gain = null;
  #analyser = null;
  #volume = 1;
  #store = new PcmStore();
  #nodes = new Set();
  #anchor = { time: 0, sample: 0 };
  #scheduled = 0; // samples given to the context so far, counted from the start of the speech
  #run = 0; // grows with every seek and stop, so that what was being read for the last one is dropped
  #pumping = -1;
  #inHand = 0; // seconds it waits for where it ran dry: more each time, so that a slow server is no stutter
  #isWanted = false;
  #isOpen = false;
  #isComplete = false;
  /** @type {State} */
  #told = "idle";
  /** When `open` was called and when the first sample sounds, in ms of the page's clock. */
  openedAt = 0;
  firstSoundAt = 0;

  /** Begin anew with nothing. Call it in a click: browsers let only those start sound. */
  open() {
    this.close();
    this.#wake();
    this.#store = new PcmStore();
    Object.assign(this, { openedAt: performance.now(), firstSoundAt: 0 });
    this.#inHand = 0;
    [this.#isOpen, this.#isWanted, this.#isComplete] = [true, true, false];
    this.#reset(0);
  }

  /** @param {Int16Array} pcm the next samples */
  append(pcm) {
    this.#store.append(pcm);
    this.#pump();
  }

  /** Nothing more comes. */
  complete() {
    this.#isComplete = true;
    this.#pump();
    this.#tell();
  }

  /** Go on, or from the start if all was heard. */
  play() {
    if (!this.#isOpen) return;
    const isOver = this.state === "ended";
    this.#isWanted = true;
    this.#wake();
    if (isOver) this.seek(0);
    this.#pump();
    this.#tell();
  }

  pause() {
    this.#isWanted = false;
    this.#context?.suspend();
    this.#tell();
  }

  /** @param {number} seconds kept within what has arrived */
  seek(seconds) {
    if (!this.#isOpen) return;
    this.#reset(Math.min(Math.max(0, Math.round(seconds * RATE)), this.#store.length));
    this.#pump();
    this.dispatchEvent(new Event("seek"));
  }

  /** Silence, and nothing to play. */
  close() {
    [this.#isOpen, this.#isWanted] = [false, false];
    this.#reset(0);
    this.#store = new PcmStore();
    this.#context?.suspend();
    this.#tell();
  }

  /** @returns {State} */
  get state() {
    if (!this.#isOpen) return "idle";
    if (this.#isComplete && this.#scheduled >= this.#store.length && !this.#nodes.size) return "ended";
    if (!this.#isWanted) return "paused";
    if (this.#nodes.size) return "playing";
    return this.#store.length ? "buffering" : "waiting";
  }

  /** Seconds into the speech of what is heard now. */
  get position() {
    if (!this.#nodes.size) return this.#scheduled / RATE;
    // What is scheduled for now is heard only after the way to the speaker.
    const latency = this.#context.outputLatency || 0;
    const sample = this.#anchor.sample + (this.#context.currentTime - latency - this.#anchor.time) * RATE;
    return Math.min(Math.max(this.#anchor.sample, sample), this.#scheduled) / RATE;
  }

  /** Seconds that have arrived. */
  get arrived() {
    return this.#store.length / RATE;
  }

  get isComplete() {
    return this.#isComplete;
  }

  /** 0…1 */
  set volume(value) {
    this.#volume = value;
    if (this.#gain) this.#gain.gain.value = value ** 2; // loudness as ears judge it
  }

  /** How loud it is right now: the root mean square of the last 85 ms, before the volume. */
  get level() {
    if (!this.#analyser) return 0;
    const samples = new Float32Array(this.#analyser.fftSize);
    this.#analyser.getFloatTimeDomainData(samples);
    return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
  }

  /** Everything that has arrived, as a file. */
  wav() {
    return this.#store.wav();
  }

  #wake() {
    if (!this.#context) {
      // Safari's mute switch silences Web Audio, unless the page says that it plays media.
      if (navigator.audioSession) navigator.audioSession.type = "playback";
      // The speech's own rate: buffers then join sample to sample, and are resampled as one stream.
      this.#context = new AudioContext({ sampleRate: RATE });
      this.#gain = new GainNode(this.#context);
      this.#analyser = new AnalyserNode(this.#context, { fftSize: 2048 });
      this.#analyser.connect(this.#gain).connect(this.#context.destination);
      this.volume = this.#volume;
    }
    this.#context.resume();
  }

  #reset(sample) {
    this.#run++;
    for (const node of this.#nodes) {
      node.onended = null;
      node.stop();
      node.disconnect();
    }
    this.#nodes.clear();
    this.#scheduled = sample;
    this.#tell();
  }

  /** Keep the context some seconds ahead. Driven by arrivals and by ends of buffers: timers sleep in hidden tabs. */
  async #pump() {
    const run = this.#run;
    if (this.#pumping === run || !this.#isEnough()) return;
    this.#pumping = run;
    while (this.#scheduled < this.#store.length && this.#scheduled / RATE - this.position < AHEAD_S) {
      const samples = await this.#store.read(this.#scheduled, PIECE_S * RATE);
      if (run !== this.#run) return;
      this.#schedule(samples);
    }
    this.#pumping = -1;
  }

  #isEnough() {
    const seconds = (this.#store.length - this.#scheduled) / RATE;
    return this.#nodes.size > 0 || this.#isComplete || seconds >= this.#inHand;
  }

  #schedule(samples) {
    const context = this.#context;
    let time = this.#anchor.time + (this.#scheduled - this.#anchor.sample) / RATE;
    if (!this.#nodes.size || time < context.currentTime) {
      time = Math.ceil((context.currentTime + LEAD_S) * RATE) / RATE; // on the grid of samples, or it is interpolated
      this.#anchor = { time, sample: this.#scheduled };
      this.firstSoundAt ||= performance.now() + 1000 * LEAD_S;
    }
    const buffer = new AudioBuffer({ length: samples.length, sampleRate: RATE });
    buffer.copyToChannel(samples, 0);
    const node = new AudioBufferSourceNode(context, { buffer });
    node.connect(this.#analyser);
    node.onended = () => this.#ended(node);
    node.start(time);
    this.#nodes.add(node);
    this.#scheduled += samples.length;
    this.#tell();
  }

  #ended(node) {
    node.disconnect();
    this.#nodes.delete(node);
    if (!this.#nodes.size && this.#scheduled >= this.#store.length) {
      this.#inHand = Math.min(MOST_IN_HAND_S, this.#inHand + MORE_IN_HAND_S);
    }
    this.#pump();
    this.#tell();
  }

  #tell() {
    if (this.#told === this.state) return;
    this.#told = this.state;
    this.dispatchEvent(new Event("state"));
  }
}
