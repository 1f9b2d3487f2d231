// Natron's Expert Advisor: signals of a Natron bridge to positions on this chart. Needs no DLL.
#property copyright "Natron"
#property version   "1.00"
#property description "Trades the signals of a Natron bridge on this chart's symbol and timeframe."
#property description "Add the bridge's address under Tools > Options > Expert Advisors. Dry run until you say otherwise."

#include <Natron\Natron.mqh>

input group "Link to the bridge"
input string Host = "127.0.0.1";                     // Bridge: address
input int SignalsPort = 5555;                        // Bridge: port of signals
input int RequestsPort = 5556;                       // Bridge: port of requests
input string User = "";                              // User (empty: none needed)
input string Password = "";                          // Password
input string BridgeKey = "";                         // Key of the bridge (64 hex digits)
input string ClientKey = "";                         // Key of this client (64 hex digits)
input string ClientId = "ea";                        // Name of this client
input string BridgeSymbol = "";                      // Symbol at the bridge (empty: the chart's; or EURUSD.r=EURUSD,*m=)
input int SilenceS = 10;                             // No entries after so many seconds without a heartbeat
input int MaxClockSkewS = 120;                       // Most seconds this computer's clock may differ

input group "What may be traded"
input bool DryRun = true;                            // Dry run: decide and log, send no order
input bool AllowReal = false;                        // Allow a real account
input long Magic = 20241122;                         // Magic number
input ENUM_NATRON_RULE EntryRule = RULE_EXPECTED_VALUE; // Entry rule
input double MinEdge = 1;                            // Expected value: smallest move, in costs of a round trip
input int WinHorizon = 12;                           // Expected value: candles the chances of profit look ahead
input double CommissionBps = 0;                      // Expected value: commission of each side, 1/10000 of the price
input double SlippageBps = 0.1;                      // Expected value: slippage of each fill, 1/10000 of the price
input double MinDirection = 0.4;                     // Direction: smallest probability
input double MinSetup = 0.6;                         // Setup: smallest probability
input int Regimes = 63;                              // Regimes: 1+2 bull, 4 range, 8+16 bear, 32 volatile
input int HourFrom = 0;                              // First hour of entries (server time)
input int HourTo = 24;                               // Hour that ends them
input int MaxAgeS = 60;                              // Most seconds after the candle's close
input double MaxSpreadPoints = 30;                   // Largest spread, points

input group "Risk"
input double RiskPercent = 0.5;                      // Risk of a trade, % of the balance
input double FixedLots = 0;                          // Fixed lots (0: by risk)
input double MaxLots = 1;                            // Most lots
input double StopAtr = 2;                            // Stop, in average true ranges
input double TakeAtr = 3;                            // Take profit, in average true ranges
input double BreakEvenAtr = 1;                       // Break-even after a gain of so many (0: off)
input double TrailAtr = 1.5;                         // Trailing stop behind each close, in average true ranges (0: off)
input int HorizonCandles = 12;                       // Close after so many candles
input int DeviationPoints = 10;                      // Largest slippage, points
input double DailyLossPercent = 2;                   // No entries after a loss of the day, %
input int TradesADay = 10;                           // Most trades a day
input int CooldownS = 60;                            // Pause after an error, seconds

input group "Candles and messages"
input bool PushCandles = true;                       // Send this chart's candles to the bridge
input int HistoryCandles = 3000;                     // Candles of history to send
input ENUM_NATRON_ZONE ServerZone = ZONE_EU;         // Time zone of the broker's server
input int ServerOffsetHours = 0;                     // Fixed zone: hours from UTC
input bool Alerts = false;                           // Alert on fills
input bool Notifications = false;                    // Push notification on fills
input string TesterFile = "signals.csv";             // Strategy tester: file of signals, in the common folder
input bool AllowReplay = false;                      // Test: act on signals of replayed files (never on a real account)

CNatron g_natron;

void ReadLink(SNatronSettings &s)
  {
   CSymbolMap map;
   s.host=Host;
   s.signals_port=SignalsPort;
   s.requests_port=RequestsPort;
   s.user=User;
   s.password=Password;
   s.bridge_key=BridgeKey;
   s.client_key=ClientKey;
   s.client=ClientId;
   s.symbol=CNameCode::Encode(map.Find(_Symbol,BridgeSymbol));
   if(map.Fault()!="")
      Print("Natron: BridgeSymbol: ",map.Fault());
   s.tf_s=PeriodSeconds(PERIOD_CURRENT);
   s.silence_s=SilenceS;
   s.max_skew_s=MaxClockSkewS;
   s.push_candles=PushCandles;
   s.history_candles=HistoryCandles;
   s.zone=ServerZone;
   s.zone_hours=ServerOffsetHours;
   s.alerts=Alerts;
   s.notifications=Notifications;
   s.tester_file=TesterFile;
   s.allow_replay=AllowReplay;
  }

void ReadTrade(SNatronSettings &s)
  {
   s.dry_run=DryRun;
   s.allow_real=AllowReal;
   s.magic=Magic;
   s.rule=EntryRule;
   s.min_edge=MinEdge;
   s.win_horizon=WinHorizon;
   s.commission_bps=CommissionBps;
   s.slippage_bps=SlippageBps;
   s.min_direction=MinDirection;
   s.min_setup=MinSetup;
   s.regimes=Regimes;
   s.hour_from=HourFrom;
   s.hour_to=HourTo;
   s.max_age_s=MaxAgeS;
   s.max_spread_points=MaxSpreadPoints;
   s.risk_percent=RiskPercent;
   s.fixed_lots=FixedLots;
   s.max_lots=MaxLots;
   s.stop_atr=StopAtr;
   s.take_atr=TakeAtr;
   s.break_even_atr=BreakEvenAtr;
   s.trail_atr=TrailAtr;
   s.horizon_candles=HorizonCandles;
   s.deviation_points=DeviationPoints;
   s.daily_loss_percent=DailyLossPercent;
   s.trades_a_day=TradesADay;
   s.cooldown_s=CooldownS;
  }

int OnInit(void)
  {
   SNatronSettings settings;
   ReadLink(settings);
   ReadTrade(settings);
   return(g_natron.Open(settings));
  }

void OnDeinit(const int reason)
  {
   Print("Natron ends, reason ",reason);
   g_natron.Close();
  }

void OnTick(void) { g_natron.OnTick(); }

void OnTimer(void) { g_natron.OnTimer(); }

void OnTradeTransaction(const MqlTradeTransaction &transaction,const MqlTradeRequest &request,const MqlTradeResult &result)
  {
   if(transaction.type==TRADE_TRANSACTION_DEAL_ADD)
      g_natron.OnDeal(transaction.deal);
  }

void OnChartEvent(const int id,const long &number,const double &real,const string &name)
  {
   if(id==CHARTEVENT_OBJECT_CLICK)
      g_natron.OnClick(name);
  }
