// The part of a form in which a picture is chosen: the treasure's, or that of one kind of its prizes.

import { showProblem, uploadPicture } from "../wechat.js";

export const picturing = Behavior({
  data: { thumbnail: "" },

  methods: {
    /** Choose the treasure's picture. The form sends `this.url`. */
    picture() {
      return this.choosePicture(({ url, thumbnail }) => {
        this.url = url;
        this.setData({ thumbnail });
      });
    },

    /** Choose the picture of one kind of prizes. */
    rowPicture({ currentTarget }) {
      const { at } = currentTarget.dataset;
      return this.choosePicture(({ url, thumbnail }) => this.setData({ [`rows[${at}].url`]: url, [`rows[${at}].thumbnail`]: thumbnail }));
    },

    async choosePicture(take) {
      try {
        take(await uploadPicture());
      } catch (error) {
        showProblem(error);
      }
    },
  },
});
