// Open positions: break-even, trailing stop, and the close at the horizon. All of it is judged by closed candles alone,
// as `natron backtest` does, and worked out anew from the chart: nothing to remember over a restart. A stop only ever
// comes nearer.
#include "TradeExecutor.mqh"

#define KEEPER_PAUSE_S 5

class CPositionKeeper
  {
private:
   datetime          m_paused_until;
   ulong             m_ticket;     // what the wish is of
   datetime          m_candle;
   double            m_wish;
   string            m_event;

   static bool       Near(const double distance,const double level) { return(distance<level-_Point/2); }
   static double     Nearer(const double one,const double other,const int side) { return(one<=0 || side*(other-one)>0 ? other : one); }
   //--- where the stop should be after all candles since the entry, the entry's own included; 0: no wish
   static double     Wish(const SNatronSettings &s,const int side,const int held)
     {
      MqlRates rates[];
      double open=PositionGetDouble(POSITION_PRICE_OPEN);
      double atr=CSizing::AtrPoints(held+1); // up to the candle that gave the signal
      double trail=CSizing::Points(s.trail_atr,atr)*_Point;
      double even=CSizing::Points(s.break_even_atr,atr)*_Point;
      double wish=0;
      int count=atr>0 ? CopyRates(_Symbol,PERIOD_CURRENT,1,held,rates) : 0;
      for(int at=0; at<count; at++)
        {
         double close=rates[at].close+(side<0 ? rates[at].spread*_Point : 0); // a short position lives on the ask
         if(s.trail_atr>0)
            wish=Nearer(wish,close-side*trail,side);
         if(s.break_even_atr>0 && side*(close-open)>=even-_Point/2)
            wish=Nearer(wish,open,side);
        }
      return(CSizing::Level(wish,side));
     }
   void              Trail(CTradeExecutor &executor,const ulong ticket,const int side,const double leaving)
     {
      double stop=PositionGetDouble(POSITION_SL);
      double take=PositionGetDouble(POSITION_TP);
      double level=CTradeExecutor::StopsLevel()*_Point;
      if(m_wish<=0 || (stop>0 && side*(m_wish-stop)<_Point/2))
         return;
      if(side*(leaving-m_wish)<_Point/2)
         Close(executor,ticket,"closed: the price is beyond where the stop has come to");
      else if(Near(side*(leaving-m_wish),level) || (stop>0 && Near(side*(leaving-stop),level)) || (take>0 && Near(side*(take-leaving),level)))
         return; // nearer than the broker allows, or frozen
      else if(executor.Move(ticket,m_wish,take))
         m_event="stop moved to "+DoubleToString(m_wish,_Digits);
      else
         Fail("moving the stop",executor.Retcode());
     }
   void              Close(CTradeExecutor &executor,const ulong ticket,const string why)
     {
      if(executor.Close(ticket))
         m_event=why;
      else
         Fail("closing",executor.Retcode());
     }
   void              Fail(const string what,const uint retcode)
     {
      m_paused_until=TimeTradeServer()+KEEPER_PAUSE_S;
      m_event=what+" failed, code "+IntegerToString((long)retcode);
     }

public:
                     CPositionKeeper(void) { m_paused_until=0; m_ticket=0; m_candle=0; m_wish=0; }
   //--- candles of the chart that have opened since the selected position did
   static int        Held(const int tf_s)
     {
      datetime opened=(datetime)PositionGetInteger(POSITION_TIME);
      int bars=iBarShift(_Symbol,PERIOD_CURRENT,opened,false);
      return(bars>=0 ? bars : (int)((TimeTradeServer()-opened)/tf_s)); // the terminal has not loaded them yet
     }
   //--- whether the selected position's last candle is over; the tick that closes it may still be on its way
   static bool       IsDue(const SNatronSettings &s)
     {
      int held=Held(s.tf_s);
      bool over=TimeTradeServer()>=iTime(_Symbol,PERIOD_CURRENT,0)+s.tf_s;
      return(held>=s.horizon_candles || (held==s.horizon_candles-1 && over));
     }
   //--- looks after this EA's positions; what it did, empty for nothing
   string            Keep(const SNatronSettings &s,CTradeExecutor &executor)
     {
      MqlTick tick;
      m_event="";
      if(TimeTradeServer()<m_paused_until || !SymbolInfoTick(_Symbol,tick))
         return("");
      for(int at=PositionsTotal()-1; at>=0; at--)
        {
         ulong ticket=PositionGetTicket(at);
         if(ticket==0 || PositionGetString(POSITION_SYMBOL)!=_Symbol || PositionGetInteger(POSITION_MAGIC)!=s.magic)
            continue;
         int side=PositionGetInteger(POSITION_TYPE)==POSITION_TYPE_BUY ? 1 : -1;
         int held=Held(s.tf_s);
         if(held>=s.horizon_candles)
           {
            Close(executor,ticket,"closed at the horizon");
            continue;
           }
         datetime candle=iTime(_Symbol,PERIOD_CURRENT,0);
         if(ticket!=m_ticket || candle!=m_candle)
            m_wish=held>0 ? Wish(s,side,held) : 0;
         m_ticket=ticket;
         m_candle=candle;
         Trail(executor,ticket,side,side>0 ? tick.bid : tick.ask);
        }
      return(m_event);
     }
  };
