// The inputs, checked once.
#include "LineCodec.mqh"

enum ENUM_NATRON_RULE
  {
   RULE_EXPECTED_VALUE, // Expected value: chances of profit against the costs
   RULE_DIRECTION,      // Direction of the next candles
   RULE_SETUP,          // Setup: buy_prob and sell_prob
   RULE_POLICY          // Policy of the bundle
  };
enum ENUM_NATRON_ZONE
  {
   ZONE_EU,    // UTC+2, summer time of the European Union
   ZONE_US,    // UTC+2, summer time of the United States (New York close)
   ZONE_FIXED  // always the same offset
  };

struct SNatronSettings
  {
   string            host;
   int               signals_port;
   int               requests_port;
   string            user;
   string            password;
   string            bridge_key;
   string            client_key;
   string            client;
   string            symbol;          // as the bridge spells it, encoded
   int               tf_s;
   bool              dry_run;
   bool              allow_real;
   long              magic;
   ENUM_NATRON_RULE  rule;
   double            min_direction;
   double            min_setup;
   double            min_edge;        // expected move over the costs of a round trip
   int               win_horizon;     // candles that long_win and short_win look ahead
   double            commission_bps;  // each side
   double            slippage_bps;    // each fill
   bool              allow_replay;
   int               regimes;         // bits, BULL_STRONG is the lowest
   double            risk_percent;
   double            fixed_lots;
   double            max_lots;
   double            stop_atr;
   double            take_atr;
   double            break_even_atr;
   double            trail_atr;
   int               horizon_candles;
   double            max_spread_points;
   int               deviation_points;
   double            daily_loss_percent;
   int               trades_a_day;
   int               cooldown_s;
   int               hour_from;
   int               hour_to;
   int               max_age_s;
   int               silence_s;
   int               max_skew_s;
   bool              push_candles;
   int               history_candles;
   ENUM_NATRON_ZONE  zone;
   int               zone_hours;
   bool              alerts;
   bool              notifications;
   string            tester_file;
  };

class CSettingsCheck
  {
private:
   string            m_fault;

   void              Need(const bool holds,const string complaint)
     {
      if(!holds && m_fault=="")
         m_fault=complaint;
     }
   void              CheckLink(const SNatronSettings &s)
     {
      CLineCodec codec;
      Need(s.host!="","Host: must not be empty");
      Need(s.signals_port>0 && s.signals_port<65536,"SignalsPort: must be 1 to 65535");
      Need(s.requests_port>0 && s.requests_port<65536,"RequestsPort: must be 1 to 65535");
      Need(StringLen(s.user)<256 && StringLen(s.password)<256,"User, Password: at most 255 characters each");
      Need(codec.SetKeys(s.bridge_key,s.client_key),"BridgeKey, ClientKey: each must be 64 lower-case hex digits; load NatronEA.set");
      Need(CLineCodec::ClientIsGood(s.client),"ClientId: must be 1 to 32 of A-Za-z0-9_-");
      Need(CNameCode::IsEncoded(s.symbol,false),"BridgeSymbol: must be 1 to 64 bytes without control characters");
      Need(CTimeframe::Name(s.tf_s)!="","the chart's timeframe has no fixed width: choose M1 to W1");
      Need(s.silence_s>=3 && s.silence_s<=60,"SilenceS: must be 3 to 60");
      Need(s.max_skew_s>=5 && s.max_skew_s<=3600,"MaxClockSkewS: must be 5 to 3600");
      Need(s.history_candles>=100 && s.history_candles<=100000,"HistoryCandles: must be 100 to 100000");
      Need(s.zone_hours>=-12 && s.zone_hours<=14,"ServerOffsetHours: must be -12 to 14");
     }
   void              CheckTrade(const SNatronSettings &s)
     {
      Need(s.magic>0,"Magic: must be above 0");
      Need(s.min_direction>=0 && s.min_direction<1,"MinDirection: must be 0 or more and below 1");
      Need(s.min_setup>0 && s.min_setup<1,"MinSetup: must be above 0 and below 1");
      Need(s.min_edge>=0,"MinEdge: must not be negative");
      Need(s.win_horizon>=1 && s.win_horizon<=1000,"WinHorizon: must be 1 to 1000");
      Need(s.commission_bps>=0 && s.commission_bps<100 && s.slippage_bps>=0 && s.slippage_bps<100,"CommissionBps, SlippageBps: must be 0 or more and below 100");
      Need(s.regimes>0 && s.regimes<64,"Regimes: must be 1 to 63");
      Need(s.risk_percent>0 && s.risk_percent<=5,"RiskPercent: must be above 0, at most 5");
      Need(s.fixed_lots>=0 && s.max_lots>0,"FixedLots must not be negative, MaxLots above 0");
      Need(s.stop_atr>=0.2 && s.stop_atr<=20,"StopAtr: must be 0.2 to 20: no position is without a stop");
      Need(s.take_atr>=0.2 && s.take_atr<=50,"TakeAtr: must be 0.2 to 50");
      Need(s.break_even_atr>=0 && s.trail_atr>=0,"BreakEvenAtr, TrailAtr: must not be negative");
      Need(s.horizon_candles>=1 && s.horizon_candles<=1000,"HorizonCandles: must be 1 to 1000");
      Need(s.max_spread_points>0,"MaxSpreadPoints: must be above 0");
      Need(s.deviation_points>=0,"DeviationPoints: must not be negative");
      Need(s.daily_loss_percent>0 && s.daily_loss_percent<=50,"DailyLossPercent: must be above 0, at most 50");
      Need(s.trades_a_day>0,"TradesADay: must be above 0");
      Need(s.cooldown_s>=0,"CooldownS: must not be negative");
      Need(s.hour_from>=0 && s.hour_from<24 && s.hour_to>0 && s.hour_to<=24,"HourFrom: 0 to 23, HourTo: 1 to 24");
      Need(s.max_age_s>0,"MaxAgeS: must be above 0");
     }

public:
   //--- empty, or what is wrong and what is right
   string            Complaint(const SNatronSettings &s)
     {
      m_fault="";
      CheckLink(s);
      CheckTrade(s);
      return(m_fault);
     }
  };
