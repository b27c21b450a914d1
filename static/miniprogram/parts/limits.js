// What publishers read about paying for red packets: how, as `cash.how`, and folded the limits.

import { CASH_LIMITS } from "../shared/words.js";

export const limits = Behavior({
  data: { cash: { how: "", limits: "" }, limits: CASH_LIMITS, limitsOpen: false },

  methods: {
    unfoldLimits() {
      this.setData({ limitsOpen: !this.data.limitsOpen });
    },
  },
});
