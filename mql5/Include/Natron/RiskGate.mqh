// Everything that keeps a signal from becoming an order. A refusal that may pass (spread, silence) is told apart.
#include "EntryRule.mqh"
#include "IdJournal.mqh"
#include "PositionKeeper.mqh"

#define REASON_REPLAY 4

//--- what is known of the bridge at this moment; in the tester, its file stands for it
struct SBridgeState
  {
   bool              tester;
   bool              clock_known;
   long              now_ms;
   int               silent_s;  // -1: never heard
  };

class CRiskGate
  {
private:
   bool              m_passing;
   bool              m_killed;
   datetime          m_error_at;

   string            Wait(const string why)
     {
      m_passing=true;
      return(why);
     }
   static string     Words(const long reasons)
     {
      string names[]={"WARMING","GAP","REPLAY","STALE","OUTLIER","DRIFT","EXPIRED","LOW_CONFIDENCE","HALTED"};
      string text="";
      for(int bit=0; bit<ArraySize(names); bit++)
         if((reasons&((long)1<<bit))!=0)
            text+=" "+names[bit];
      return(text=="" ? " unknown" : text);
     }
   //--- a signal of a replayed file, where the trader tests with such: never on a real account
   static bool       IsTest(const SLine &line,const SNatronSettings &s)
     {
      return(s.allow_replay && line.reasons==REASON_REPLAY && AccountInfoInteger(ACCOUNT_TRADE_MODE)!=ACCOUNT_TRADE_MODE_REAL);
     }
   string            Age(const SLine &line,const SNatronSettings &s,const long now)
     {
      long closed=line.candle_ms+1000*line.tf_s;
      if(now>line.expires_ms)
         return("expired");
      if(now-closed>1000*(long)s.max_age_s)
         return("late: "+IntegerToString((now-closed)/1000)+" s after the candle's close");
      if(closed-now>5000)
         return("a candle that is not closed yet");
      return("");
     }
   string            Delivery(const SLine &line,const SNatronSettings &s,const SBridgeState &bridge)
     {
      bool test=IsTest(line,s);
      if(line.reasons!=0 && !test)
         return("reasons:"+Words(line.reasons));
      if(line.tf_s!=s.tf_s)
         return("another timeframe than the chart's");
      if(!bridge.clock_known)
         return(Wait("the bridge's time is not known"));
      long now=bridge.now_ms;
      string late=test ? "" : Age(line,s,now);
      if(late!="")
         return(late);
      if(bridge.tester)
         return("");
      long skew=now/1000-(long)TimeGMT();
      if(skew>s.max_skew_s || skew<-s.max_skew_s)
         return("clocks differ by "+IntegerToString(skew)+" s: set this computer's clock");
      if(bridge.silent_s<0 || bridge.silent_s>=s.silence_s)
         return(Wait("no heartbeat"));
      return("");
     }
   string            Side(const int side)
     {
      long mode=SymbolInfoInteger(_Symbol,SYMBOL_TRADE_MODE);
      if(mode==SYMBOL_TRADE_MODE_FULL || (mode==SYMBOL_TRADE_MODE_LONGONLY && side>0) || (mode==SYMBOL_TRADE_MODE_SHORTONLY && side<0))
         return("");
      return("the broker does not open this side");
     }
   string            Prices(const SNatronSettings &s)
     {
      MqlTick tick;
      if(!SymbolInfoTick(_Symbol,tick) || tick.bid<=0 || tick.ask<=tick.bid-_Point/2)
         return(Wait("no price"));
      if(TimeTradeServer()-tick.time>60)
         return(Wait("no price for a minute: market closed?"));
      if((tick.ask-tick.bid)/_Point>s.max_spread_points+1e-6)
         return(Wait("spread above "+DoubleToString(s.max_spread_points,1)+" points"));
      return("");
     }
   //--- another position of this symbol: ours, or on a netting account anybody's. Ours may be about to be closed.
   string            Occupied(const SNatronSettings &s)
     {
      bool netting=AccountInfoInteger(ACCOUNT_MARGIN_MODE)!=ACCOUNT_MARGIN_MODE_RETAIL_HEDGING;
      string why="";
      for(int at=PositionsTotal()-1; at>=0; at--)
        {
         if(PositionGetTicket(at)==0 || PositionGetString(POSITION_SYMBOL)!=_Symbol)
            continue;
         bool ours=PositionGetInteger(POSITION_MAGIC)==s.magic;
         if((ours || netting) && !(ours && CPositionKeeper::IsDue(s)))
            return("a position is open");
         if(ours)
            why=Wait("a position is at its horizon");
        }
      return(why);
     }
   string            Day(const SNatronSettings &s)
     {
      datetime now=TimeTradeServer();
      datetime midnight=now-now%86400;
      double result=0;
      int entries=0;
      if(!HistorySelect(midnight,now+86400))
         return(Wait("no history"));
      for(int at=HistoryDealsTotal()-1; at>=0; at--)
        {
         ulong deal=HistoryDealGetTicket(at);
         if(HistoryDealGetInteger(deal,DEAL_TIME)<midnight || HistoryDealGetInteger(deal,DEAL_MAGIC)!=s.magic || HistoryDealGetString(deal,DEAL_SYMBOL)!=_Symbol)
            continue;
         result+=HistoryDealGetDouble(deal,DEAL_PROFIT)+HistoryDealGetDouble(deal,DEAL_COMMISSION)+HistoryDealGetDouble(deal,DEAL_SWAP);
         if(HistoryDealGetInteger(deal,DEAL_ENTRY)==DEAL_ENTRY_IN)
            entries++;
        }
      if(entries>=s.trades_a_day)
         return("trades of the day are used up");
      if(-result>=(AccountInfoDouble(ACCOUNT_BALANCE)-result)*s.daily_loss_percent/100)
         return("daily loss limit");
      return("");
     }
   static bool       InHours(const SNatronSettings &s)
     {
      MqlDateTime now;
      TimeToStruct(TimeTradeServer(),now);
      if(s.hour_from<s.hour_to)
         return(now.hour>=s.hour_from && now.hour<s.hour_to);
      return(now.hour>=s.hour_from || now.hour<s.hour_to);
     }

public:
                     CRiskGate(void) { m_killed=false; m_error_at=0; m_passing=false; }
   void              Kill(const bool killed) { m_killed=killed; }
   bool              Killed(void) const { return(m_killed); }
   void              Failed(void) { m_error_at=TimeLocal(); }
   //--- whether the last refusal may pass while the signal is fresh
   bool              Passing(void) const { return(m_passing); }
   //--- why this account cannot trade at all; empty where it can
   static string     Permission(const SNatronSettings &s)
     {
      if(s.dry_run || MQLInfoInteger(MQL_TESTER)!=0)
         return("");
      if(TerminalInfoInteger(TERMINAL_CONNECTED)==0)
         return("the terminal is not connected to the broker");
      if(TerminalInfoInteger(TERMINAL_TRADE_ALLOWED)==0)
         return("Algo Trading is off in the terminal");
      if(MQLInfoInteger(MQL_TRADE_ALLOWED)==0)
         return("Algo Trading is off for this EA");
      if(AccountInfoInteger(ACCOUNT_TRADE_ALLOWED)==0)
         return("the account may not trade (investor password?)");
      if(AccountInfoInteger(ACCOUNT_TRADE_EXPERT)==0)
         return("the broker allows no EA on this account");
      if(AccountInfoInteger(ACCOUNT_TRADE_MODE)==ACCOUNT_TRADE_MODE_REAL && !s.allow_real)
         return("a real account, and AllowReal is off");
      return("");
     }
   //--- why a signal may not be acted on, whatever side it points to
   string            Refusal(const SLine &line,const SNatronSettings &s,const SBridgeState &bridge,const CIdJournal &journal)
     {
      m_passing=false;
      string why=Delivery(line,s,bridge);
      if(why!="")
         return(why);
      if(journal.Has(line))
         return("acted on before");
      if(m_killed)
         return("stopped by the button");
      why=Permission(s);
      if(why!="")
         return(why);
      if(m_error_at>0 && TimeLocal()-m_error_at<s.cooldown_s)
         return(Wait("cooling down after an error"));
      if(!InHours(s))
         return("outside the hours");
      if((s.regimes&(1<<CEntryRule::Regime(line)))==0)
         return("regime is filtered");
      why=Occupied(s);
      if(why!="")
         return(why);
      why=Day(s);
      return(why!="" ? why : Prices(s));
     }
   string            SideRefusal(const int side)
     {
      m_passing=false;
      return(Side(side));
     }
  };
