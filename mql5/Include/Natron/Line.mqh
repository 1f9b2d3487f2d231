// What a line says. Times are UTC epoch ms, shares of one are millionths (ppm).
struct SLine
  {
   string            kind;
   string            session;
   long              seq;
   long              sent_ms;
   string            id;
   string            symbol;   // as the wire spells it; "*": all
   string            client;
   long              tf_s;
   long              candle_ms;
   long              expires_ms;
   long              n;
   long              buy;
   long              sell;
   long              down;
   long              up;
   long              neutral;
   long              regime[6];  // BULL_STRONG BULL_WEAK RANGE BEAR_WEAK BEAR_STRONG VOLATILE
   bool              has_outlook;
   long              long_win;
   long              short_win;
   long              high_volatility;
   bool              has_policy;
   long              action;
   long              size;
   long              reasons;
   string            bundle;
   string            feature_set;
   long              stamps[4]; // us
   long              count;
   bool              in_sample;  // of a tester file: made from candles that the bundle was trained on
  };
