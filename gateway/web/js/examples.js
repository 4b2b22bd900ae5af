/** Texts to begin with. */

export const WELCOME = `Hello! This page turns text into speech while you listen.

Press the round button below, and watch the words light up as they are spoken. Click on any of them to hear it again.

Then paste an article or drop in a whole book, choose another voice, or mix two of them into one of your own.`;

export const EXAMPLES = {
  story: {
    text: `The lighthouse had been dark for eleven years when the letter came.

Mara read it twice at the kitchen table, once with her glasses and once without, as if the words might be kinder when they were blurred. They were not. "The lamp is to be lit again," it said, "on the first night of December. You will find the key where you left it."

She had not left a key anywhere. She had thrown it, as far as her arm could throw, off the end of the north pier.

Outside, the tide was going out, and it was going further than she had ever seen it go.`,
  },
  dialogue: {
    text: `[voice:narrator] The shop was about to close when the bell rang.

[voice:mia] Do you repair clocks? This one runs backwards.

[voice:theo] Backwards? Then I would not repair it. I would ask what it knows.

[voice:narrator] She put it on the counter. [pause:0.6s] It struck thirteen.`,
    cast: [
      { name: "narrator", voice: "bm_george", rate: 1 },
      { name: "mia", voice: "af_bella", rate: 1.05 },
      { name: "theo", voice: "am_michael", rate: 1 },
    ],
  },
  numbers: {
    text: `On May 3rd, 2024, Dr. Lee paid $1,299.50 for a 27" screen at 4:45pm.

It weighs 5.2kg, runs at 144Hz, and was 15% off. Call +1 (555) 010-9999, or write to help@example.com.`,
  },
};
